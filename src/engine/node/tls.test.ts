import { tlsContract } from '../contract/tls.contract.ts';
import { createNodeEngine } from './node-engine.ts';
import { nodeTlsOptions } from './tls.ts';

tlsContract('node', (options, tls) => createNodeEngine({ ...options, tls: nodeTlsOptions(tls) }));
