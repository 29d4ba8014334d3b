// What the doctor says of the rings, the queues and the interrupts of network cards: each made wrong once, and named.
import { afterEach, describe, expect, it } from 'vitest';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import { hostTable } from '../../../host-tuning/host-table.ts';
import { doctorScript, readHostScripts } from '../../../host-tuning/scripts.ts';
import { healthyHost } from './doctor-host.ts';
import type { FakeHost } from './fake-host.ts';
import { ONE_HOST, specOf } from './specs.ts';

interface Check {
  readonly verdict: string;
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  readonly mend: string | null;
}

/** What ethtool tells of a card: "n/a" where it has no such thing. */
interface Card {
  readonly rxRing: number | 'n/a';
  readonly txRing: number | 'n/a';
  readonly ringMax: number | 'n/a';
  readonly queues: number | 'n/a';
  readonly queuesMax: number | 'n/a';
}

/** As wanted by the profile throughput on the four processors of the pretended host. */
const CARD: Card = { rxRing: 4096, txRing: 4096, ringMax: 8192, queues: 4, queuesMax: 8 };
const IRQS = { port0: [40, 41, 42, 43, 44], port1: [50, 51, 52] } as const;
const SPREAD = 'each on a processor of its own';

let host: FakeHost;
afterEach(() => host.remove());

/** Two cards on which all is as wanted; the processors 2 and 3 are near the second one. */
function prepare(profile = 'throughput'): void {
  const text = ONE_HOST.replace('class: one', `class: one\n      profile: ${profile}`);
  // The directories of a test belong to whoever runs it.
  const description = { ...describeHost(specOf(text), 'a1'), ownerId: process.getuid!() };
  host = healthyHost(description);
  host.write('/sys/devices/system/cpu/online', '0-3\n');
  host.write('/sys/class/net/port1/device/local_cpulist', '2-3\n');
  for (const [port, irqs] of Object.entries(IRQS)) {
    for (const irq of irqs) host.write(`/sys/class/net/${port}/device/msi_irqs/${irq}`, 'msix\n');
    card(port, {});
  }
  for (const [index, irq] of IRQS.port0.entries()) onProcessors(irq, `${index % 4}`);
  for (const [index, irq] of IRQS.port1.entries()) onProcessors(irq, `${2 + (index % 2)}`);
  host.program('ethtool', 'cat "$state/ethtool$1-$2"');
  host.write('/doctor', doctorScript(readHostScripts(), hostTable(description)));
}

function card(port: string, changes: Partial<Card>): void {
  const { rxRing, txRing, ringMax, queues, queuesMax } = { ...CARD, ...changes };
  host.state(`ethtool-g-${port}`, rings(port, ringMax, rxRing, txRing));
  host.state(`ethtool-l-${port}`, channels(port, queuesMax, queues));
}

function onProcessors(irq: number, list: string): void {
  host.write(`/proc/irq/${irq}/smp_affinity_list`, `${list}\n`);
}

/** As ethtool 6.1 prints it. */
function rings(port: string, max: Card['ringMax'], rx: Card['rxRing'], tx: Card['txRing']): string {
  const some = (rxSlots: Card['rxRing'], txSlots: Card['txRing']) =>
    `RX:\t\t${rxSlots}\nRX Mini:\tn/a\nRX Jumbo:\tn/a\nTX:\t\t${txSlots}\n`;
  const rest = 'RX Buf Len:\t\tn/a\nCQE Size:\t\tn/a\nTX Push:\toff\n';
  return `Ring parameters for ${port}:\nPre-set maximums:\n${some(max, max)}Current hardware settings:\n${some(rx, tx)}${rest}`;
}

function channels(port: string, max: Card['queuesMax'], now: Card['queues']): string {
  const some = (combined: Card['queues']) => `RX:\t\tn/a\nTX:\t\tn/a\nOther:\t\t1\nCombined:\t${combined}\n`;
  return `Channel parameters for ${port}:\nPre-set maximums:\n${some(max)}Current hardware settings:\n${some(now)}`;
}

/** Those of rings, queues and interrupts, by what was checked. */
function checks(): Map<string, Check> {
  const { lines, stderr } = host.run(host.read('/doctor'), ['--root', host.root, '--json', '--no-peers']);
  expect(stderr).toBe('');
  const { checks: all } = JSON.parse(lines.join('\n')) as { checks: Check[] };
  const ours = all.filter(({ what }) => /^nic-(rx-ring|tx-ring|queues|irqs) /.test(what));
  return new Map(ours.map((check) => [check.what, check]));
}

/** "verdict what: wanted W, found F". */
function told(all: ReadonlyMap<string, Check>, verdicts: readonly string[]): string[] {
  return [...all.values()]
    .filter(({ verdict }) => verdicts.includes(verdict))
    .map(({ verdict, what, wanted, found }) => `${verdict} ${what}: wanted ${wanted}, found ${found}`);
}

describe('rings, queues and interrupts of cards', () => {
  it('are as wanted, and the doctor says what it saw', () => {
    prepare();
    expect(told(checks(), ['ok', 'bad', 'absent', 'unknown'])).toEqual([
      'ok nic-rx-ring of port0: wanted 4096, found 4096',
      'ok nic-tx-ring of port0: wanted 4096, found 4096',
      'ok nic-queues of port0: wanted 4, found 4',
      `ok nic-irqs of port0: wanted ${SPREAD}, found ${SPREAD}`,
      'ok nic-rx-ring of port1: wanted 4096, found 4096',
      'ok nic-tx-ring of port1: wanted 4096, found 4096',
      'ok nic-queues of port1: wanted 4, found 4',
      `ok nic-irqs of port1: wanted ${SPREAD}, found ${SPREAD}`,
    ]);
  });

  // Several in each, because the doctor is run as a whole.
  const WRONG: readonly (readonly [what: string, make: () => void, told: readonly string[]])[] = [
    [
      'rings that are too small, too few queues and too many, interrupts of any processor, of one that has another, and far away',
      () => {
        card('port0', { rxRing: 512, queues: 1 });
        onProcessors(41, '0-3');
        onProcessors(43, '2');
        card('port1', { txRing: 256, queues: 8 });
        onProcessors(50, '0');
        onProcessors(51, '1');
      },
      [
        'bad nic-rx-ring of port0: wanted 4096, found 512',
        'bad nic-queues of port0: wanted 4, found 1',
        `bad nic-irqs of port0: wanted ${SPREAD}, found 41 on 0-3 43 on 2 `,
        'bad nic-tx-ring of port1: wanted 4096, found 256',
        'bad nic-queues of port1: wanted 4, found 8',
        `bad nic-irqs of port1: wanted ${SPREAD}, found 50 on 0 51 on 1 `,
      ],
    ],
    [
      'less than a small card has, and nothing where all that it has is in use; an interrupt that nothing is known of',
      () => {
        card('port0', { ringMax: 2048, rxRing: 2048, txRing: 1024, queuesMax: 2, queues: 1 });
        card('port1', { ringMax: 2048, rxRing: 2048, txRing: 2048, queuesMax: 2, queues: 2 });
        host.delete('/proc/irq/44');
      },
      [
        'bad nic-tx-ring of port0: wanted 2048, found 1024',
        'bad nic-queues of port0: wanted 2, found 1',
        `bad nic-irqs of port0: wanted ${SPREAD}, found 44 on nothing `,
      ],
    ],
    [
      'rings that hold more memory than a small host can spare',
      () => host.memory(4 * 2 ** 20),
      ['port0', 'port1'].flatMap((port) => [
        `bad nic-rx-ring of ${port}: wanted 1024, found 4096`,
        `bad nic-tx-ring of ${port}: wanted 1024, found 4096`,
      ]),
    ],
  ];
  it.each(WRONG)('are wrong, and named: %s', (_, make, expected) => {
    prepare();
    make();
    const all = checks();
    expect(told(all, ['bad', 'unknown', 'absent'])).toEqual(expected);
    for (const { verdict, mend } of all.values()) if (verdict === 'bad') expect(mend).toContain('ashlar-tune.service');
  });

  it('are found at the bus where a card is virtual: its interrupts are those of the device above it', () => {
    prepare();
    host.delete('/sys/class/net/port0/device');
    host.write('/sys/devices/pci0/0000:00:03.0/virtio0/vendor', '0x1af4\n');
    for (const irq of [40, 41]) host.write(`/sys/devices/pci0/0000:00:03.0/msi_irqs/${irq}`, 'msix\n');
    host.link('/sys/class/net/port0/device', '../../../devices/pci0/0000:00:03.0/virtio0');
    onProcessors(41, '3');
    expect(checks().get('nic-irqs of port0')).toMatchObject({ verdict: 'bad', found: '41 on 3 ' });
  });

  it('are not judged where there are none, and the doctor says so instead of calling them right', () => {
    prepare();
    card('port0', { ringMax: 'n/a', rxRing: 'n/a', txRing: 'n/a', queuesMax: 'n/a', queues: 'n/a' });
    host.delete('/sys/class/net/port0/device');
    // A driver that gave its interrupts back leaves the directory.
    for (const irq of IRQS.port1) host.delete(`/sys/class/net/port1/device/msi_irqs/${irq}`);
    const none = 'the card has no interrupts of its own, or the host only one processor';
    expect(told(checks(), ['bad', 'absent'])).toEqual([
      'absent nic-rx-ring of port0: wanted 4096, found the card has no rings to set',
      'absent nic-tx-ring of port0: wanted 4096, found the card has no rings to set',
      'absent nic-queues of port0: wanted 4, found the card has no queues to set',
      `absent nic-irqs of port0: wanted ${SPREAD}, found ${none}`,
      `absent nic-irqs of port1: wanted ${SPREAD}, found ${none}`,
    ]);
  });

  it('are not judged where there is one processor to take them, and rings not where there is hardly any memory', () => {
    prepare();
    host.write('/proc/cpuinfo', 'processor\t: 0\n');
    host.memory(768 * 1024);
    card('port0', { queues: 1, rxRing: 256, txRing: 256 });
    card('port1', { queues: 1 });
    const all = checks();
    expect(told(all, ['bad', 'unknown'])).toEqual([]);
    expect(all.get('nic-irqs of port0')).toMatchObject({ verdict: 'absent' });
    expect(all.get('nic-queues of port0')).toMatchObject({ verdict: 'ok', wanted: '1' });
    expect(all.get('nic-rx-ring of port0')).toMatchObject({ verdict: 'ok', found: '256' });
  });

  it('are left alone by a profile that leaves them to the system', () => {
    prepare('balanced');
    onProcessors(41, '0-3');
    for (const port of Object.keys(IRQS)) card(port, { queues: 1, rxRing: 1024, txRing: 1024 });
    expect([...checks().keys()]).toEqual(
      ['port0', 'port1'].flatMap((port) => [`nic-rx-ring of ${port}`, `nic-tx-ring of ${port}`]),
    );
  });
});
