import { certificatesContract } from '../contract/certificates.contract.ts';
import { type CreateTlsEngine, tlsContract } from '../contract/tls.contract.ts';
import { createNodeEngine } from './node-engine.ts';
import type { NodeEngineOptions } from './options.ts';

const create: CreateTlsEngine = (options, tls) => createNodeEngine({ ...options, tls } as NodeEngineOptions);

tlsContract('node', create);
certificatesContract('node', create, { mixesKeyTypes: false, tellsResumedName: false });
