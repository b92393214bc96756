/** `holdfast load` by the portable engine: what cli-load.test.ts asks of the one that is chosen here. */
import { loadBehaves } from './load-behaviour.ts';

loadBehaves('node');
