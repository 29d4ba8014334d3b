// What the parts of the healer work with: the cluster's registers and shards, and this node's own drives.
import type { Log } from '../io/log.ts';
import type { BlobPorts } from './blob-ports.ts';
import type { RegisterMaintenance, Registers } from './registers.ts';
import type { Background } from './store-context.ts';

export interface HealerOptions extends BlobPorts {
  readonly registers: Registers & RegisterMaintenance;
  /** This node's own usable drives. */
  readonly drives: { open(): { readonly identity: { readonly slot: string } }[] };
  /** This node has yet to catch up once since its start. */
  readonly isCatchingUp: () => boolean;
  readonly log: Log;
  /** Told of what is being mended, so that a stop can wait for it. */
  readonly background: Background;
}
