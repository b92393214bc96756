/** A hub with the usual bounds for tests that need one and look at something else. */
import { Hub, type HubLimits } from './hub.ts';

export function createTestHub(limits: Partial<HubLimits> = {}): Hub {
  return new Hub(
    { topicsMax: 1000, subscriptionsMax: 100, messageBytesMax: 65_536, replay: undefined, ...limits },
    'test',
    (error) => {
      throw error;
    },
  );
}
