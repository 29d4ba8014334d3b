// What one replica holds, with the values, read past all caches.
import type { StoredRegister } from '../../node/cluster/acceptor.ts';
import type { Member } from '../../node/cluster/member.ts';
import type { RegisterKey } from '../../node/core/keys.ts';

const PAGE = 1_000;

/** Registers with from ≤ key < to ('' = no end), ascending. */
export async function heldRegisters(
  { running }: Pick<Member, 'running'>,
  slot: string,
  from: RegisterKey,
  to: RegisterKey,
): Promise<StoredRegister[]> {
  const replica = running.replicas.get(slot);
  const held: StoredRegister[] = [];
  for (let start: RegisterKey | null = from; start !== null; ) {
    const options = { limit: PAGE, detail: false, isWanted: () => true };
    const page: Awaited<ReturnType<typeof replica.scan>> = await replica.scan(start, to, options);
    for (const { key } of page.registers) {
      const [fetched] = (await replica.fetch(running.groups.partitionOf(key), null, [key], true))!;
      const { version, value } = fetched!;
      if (version !== null && value !== null) held.push({ key, version, value });
    }
    start = page.next;
  }
  return held;
}
