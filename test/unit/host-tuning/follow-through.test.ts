// What other targets take from the description of the hosts, so that nothing has to be said twice.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SETTINGS_TABLE } from '../../../host-tuning/settings-table.ts';
import { storageMtu } from '../../../spec/hosts.ts';
import { describeSwarm } from '../../../stacks/swarm/describe.ts';
import { openProject } from '../../../stacks/swarm/project.ts';
import { IMAGE, SECRETS } from '../../support/swarm-specs.ts';
import { specOf } from './specs.ts';

const archive = readFileSync('examples/bare-metal.yaml', 'utf8');
const withoutHosts = archive.slice(0, archive.indexOf('\nhosts:'));

/** MTU of the overlay network that a project with this spec and this "network" gets; null without an overlay. */
function overlayMtuOf(spec: string, network?: unknown): number | null {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-mtu-'));
  try {
    writeFileSync(join(directory, 'cluster.yaml'), spec);
    const swarm = { image: IMAGE, ...(network === undefined ? {} : { network }) };
    writeFileSync(join(directory, 'cdktf.json'), JSON.stringify({ context: { swarm } }));
    const { plan, settings } = openProject({ directory });
    return describeSwarm({ plan, settings, secrets: SECRETS, running: null }).network?.mtu ?? null;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

it("the Swarm's overlay has the MTU of the hosts' storage network, less the 50 bytes of VXLAN", () => {
  expect(storageMtu(specOf(archive).hosts)).toBe(9000);
  expect(overlayMtuOf(archive)).toBe(8950);
  expect(overlayMtuOf(archive, { mode: 'overlay', subnet: '10.87.0.0/24' })).toBe(8950);
  const small = archive
    .replaceAll('vlan: 20, mtu: 9000', 'vlan: 20, mtu: 4000')
    .replace('vlan: 20}', 'vlan: 20, mtu: 4000}');
  expect(overlayMtuOf(small)).toBe(3950);
});

it('what the settings of the Swarm say themselves goes first, and without hosts nothing changes', () => {
  expect(overlayMtuOf(archive, { mode: 'overlay', linkMtu: 1500 })).toBe(1450);
  expect(overlayMtuOf(archive, { mode: 'host' })).toBe(null);
  expect(overlayMtuOf(withoutHosts)).toBe(1450);
});

it('the limit of open files in the documents is the one that hosts get', () => {
  const limit = SETTINGS_TABLE['limit-nofile'].values.balanced;
  const ulimits = `"default-ulimits": {"nofile": {"Name": "nofile", "Soft": ${limit}, "Hard": ${limit}}}`;
  expect(readFileSync('docs/operations/swarm.md', 'utf8')).toContain(ulimits);
});
