// This node's own drives: which are usable, which are blank, which are refused and why; and the small records that each
// usable drive keeps about the cluster (the newest map, and whether the drive is still being brought into it).
import type { ClusterMap } from '../core/cluster-map.ts';
import { clusterMapFormat } from '../format/membership-formats.ts';
import type { DriveIdentity, DriveStore } from '../storage/drive-store.ts';

export const MAP_STORE_KEY = 'M';
/** Present while the founding that formatted this drive has not ended. */
const FOUNDING_STORE_KEY = 'F';
/** Present while a replacement has not yet caught up: until then it must not vote. */
export const JOINING_STORE_KEY = 'J';

export type LocalDrive =
  | { readonly kind: 'open'; readonly slot: string; readonly store: DriveStore }
  | BlankDrive
  | { readonly kind: 'refused'; readonly slot: string; readonly reason: string };

/** Empty: may be formatted when somebody asks for it by name, or when a new cluster is founded. */
export interface BlankDrive {
  readonly kind: 'blank';
  readonly slot: string;
  /** Given by an attempt to format it that was cut short: it may be on the drive already, so the next one must go on with it. */
  readonly driveId?: string;
  /** May be called again, with the same identity, when it has failed. */
  readonly format: (identity: DriveIdentity) => Promise<DriveStore>;
}

export class LocalDrives {
  readonly #drives = new Map<string, LocalDrive>();

  constructor(drives: readonly LocalDrive[]) {
    for (const drive of drives) this.#drives.set(drive.slot, drive);
  }

  all(): LocalDrive[] {
    return [...this.#drives.values()];
  }

  get(slot: string): LocalDrive | null {
    return this.#drives.get(slot) ?? null;
  }

  open(): DriveStore[] {
    return this.all().flatMap((drive) => (drive.kind === 'open' ? [drive.store] : []));
  }

  /** Formats a blank drive; it joins the founding, or the cluster as a replacement that has yet to catch up. */
  async format(
    slot: string,
    identity: DriveIdentity,
    map: ClusterMap,
    stage: 'founding' | 'joining',
  ): Promise<DriveStore> {
    const drive = this.#drives.get(slot);
    if (drive?.kind !== 'blank')
      throw new Error(`drive ${slot} is ${drive?.kind ?? 'not on this node'}, not blank: nothing was formatted`);
    // Whatever fails from here on may have left the identity on the drive.
    this.#drives.set(slot, { ...drive, driveId: identity.driveId });
    const store = await drive.format(identity);
    try {
      await this.mark(store, map, stage);
    } catch (error) {
      await store.close().catch(() => {});
      throw error;
    }
    this.#drives.set(slot, { kind: 'open', slot, store });
    return store;
  }

  /** The last step of formatting. Without the map on it a drive is one whose formatting was cut short. */
  async mark(store: DriveStore, map: ClusterMap, stage: 'founding' | 'joining'): Promise<void> {
    const mark = stage === 'founding' ? FOUNDING_STORE_KEY : JOINING_STORE_KEY;
    await store.commit([
      { kind: 'put', key: mark, value: new Uint8Array([1]) },
      { kind: 'put', key: MAP_STORE_KEY, value: clusterMapFormat.encode(map) },
    ]);
  }

  /** Takes an open drive on which there is nothing but its identity for the blank drive that it is. */
  treatAsBlank(store: DriveStore): void {
    const { slot, driveId } = store.identity;
    this.#drives.set(slot, { kind: 'blank', slot, driveId, format: async () => store });
  }

  refuse(slot: string, reason: string): void {
    this.#drives.set(slot, { kind: 'refused', slot, reason });
  }

  /** The slots of usable drives, by the cluster that they were formatted for. */
  slotsByCluster(): Map<string, string[]> {
    const slots = new Map<string, string[]>();
    for (const { identity } of this.open()) {
      slots.set(identity.clusterId, [...(slots.get(identity.clusterId) ?? []), identity.slot]);
    }
    return slots;
  }

  /** Whatever was formatted for another cluster is not touched from here on. */
  refuseForeign(clusterId: string): void {
    for (const { identity } of this.open()) {
      if (identity.clusterId === clusterId) continue;
      this.refuse(
        identity.slot,
        `it belongs to cluster ${identity.clusterId}, this is ${clusterId}; take it out, or give an empty one`,
      );
    }
  }

  /** The newest map on any drive, or null. */
  async newestMap(): Promise<ClusterMap | null> {
    let newest: ClusterMap | null = null;
    for (const store of this.open()) {
      const stored = await store.get(MAP_STORE_KEY);
      if (stored === null) continue;
      const map = clusterMapFormat.decode(stored);
      if (newest === null || map.epoch > newest.epoch) newest = map;
    }
    return newest;
  }

  /** Durable on every drive that takes writes; at least one must. */
  async saveMap(map: ClusterMap): Promise<void> {
    const value = clusterMapFormat.encode(map);
    const stores = this.open();
    const saved = await Promise.allSettled(
      stores.map((store) => store.commit([{ kind: 'put', key: MAP_STORE_KEY, value }])),
    );
    const failed = saved.find((result) => result.status === 'rejected');
    if (failed !== undefined && saved.every((result) => result.status === 'rejected')) throw failed.reason;
  }

  async isFounding(): Promise<boolean> {
    const marks = await Promise.all(this.open().map((store) => store.get(FOUNDING_STORE_KEY)));
    return marks.some((mark) => mark !== null);
  }

  async endFounding(): Promise<void> {
    await Promise.all(this.open().map((store) => store.commit([{ kind: 'delete', key: FOUNDING_STORE_KEY }])));
  }

  /** Also when the formatting was cut short before the drive was marked: who formatted it for a founding has ended that. */
  async isJoining(store: DriveStore): Promise<boolean> {
    return (await store.get(JOINING_STORE_KEY)) !== null || !(await this.isMarked(store));
  }

  async isMarked(store: DriveStore): Promise<boolean> {
    return (await store.get(MAP_STORE_KEY)) !== null;
  }

  /** Nothing was ever brought to the drive, so whatever id it has never voted and never learned. */
  async isUntouched(store: DriveStore): Promise<boolean> {
    const [registers, shards] = await Promise.all([store.heads('R', 'S', 1), store.listShards(null, 1)]);
    return registers.length === 0 && shards.length === 0 && (await this.isJoining(store));
  }

  async endJoining(store: DriveStore): Promise<void> {
    await store.commit([{ kind: 'delete', key: JOINING_STORE_KEY }]);
  }
}
