import { engineContract } from '../engine.contract.ts';
import { subject } from './subject.contract.ts';

engineContract('epoll', subject.create, subject.capabilities);
