import { engineContract } from '../engine.contract.ts';
import { createOneShotEngine } from './one-shot.contract.ts';

engineContract('iouring with one-shot receives', createOneShotEngine, {
  acceptPauses: true,
  abstractNames: true,
  reusePort: true,
  module: {
    url: new URL('./one-shot.contract.js', import.meta.url).href,
    createEngine: 'createOneShotEngine',
  },
});
