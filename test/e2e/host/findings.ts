// What the doctor must say of the guest: nothing, or exactly what was broken.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { DoctorCheck } from '../../../host-tuning/doctor-call.ts';
import type { StorageHost } from './storage-host.ts';

/** What it finds wrong, by what it calls it: what it must have found. */
export type Findings = Readonly<Record<string, string | RegExp>>;

/** After a change LACP and the clock need seconds, and the guest is slow. */
const SETTLE_MS = 180_000;
const POLL_MS = 2000;

/** Asks it until it finds this and nothing else. Rejects with the difference when it does not in time. */
export async function untilFound(host: StorageHost, findings: Findings): Promise<readonly DoctorCheck[]> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const checks = await host.doctor();
    const wrong = checks.filter(({ verdict }) => verdict === 'bad' || verdict === 'unknown');
    try {
      assert.deepEqual(wrong.map(({ what }) => what).sort(), Object.keys(findings).sort());
      for (const { what, found } of wrong) expectFound(what, found, findings[what]!);
      return checks;
    } catch (error) {
      if (performance.now() > endMs)
        throw new Error(`the doctor finds something else: ${JSON.stringify(wrong, null, 2)}`, { cause: error });
      await delay(POLL_MS);
    }
  }
}

/** Green, and not because it has looked at nothing. */
export async function expectGreen(host: StorageHost, looked: readonly string[]): Promise<number> {
  const checks = await untilFound(host, {});
  const right = new Set(checks.filter(({ verdict }) => verdict === 'ok').map(({ what }) => what));
  assert.deepEqual(
    looked.filter((what) => !right.has(what)),
    [],
    'the doctor has not looked',
  );
  return right.size;
}

function expectFound(what: string, found: string, wanted: string | RegExp): void {
  if (typeof wanted === 'string') assert.equal(found, wanted, what);
  else assert.match(found, wanted, what);
}
