// The nearest specs that would hold: for each kind of change (more drives, more nodes, more zones, a smaller scheme) the
// smallest one that makes the plan safe. What is offered was written as YAML, read back and planned.
import { capsFor } from '../node/core/placement.ts';
import { lossBudget } from '../node/core/quorum.ts';
import {
  type ClusterSpec,
  DOMAINS,
  defaultDomain,
  parseClusterSpec,
  type SpecDrive,
  type SpecNode,
} from '../spec/cluster-spec.ts';
import { specSettings, specText } from '../spec/write.ts';
import { clusterDrives } from './cluster-drives.ts';
import { evaluate } from './evaluate.ts';
import { interleavedEndpoints } from './evaluate-sets.ts';
import { planNodes } from './evaluation.ts';
import type { NearestSpec } from './plan.ts';

interface Candidate {
  readonly spec: ClusterSpec;
  readonly change: string;
}

/** Drives and nodes are cheap to add compared with zones. */
const STEPS_MAX = 24;
const ZONE_STEPS_MAX = 4;
/** More drives than this are not offered: a search must not take longer than the person's patience. */
const DRIVES_MAX = 400;

export function nearestSpecs(spec: ClusterSpec): NearestSpec[] {
  const search = (directions: readonly Iterable<Candidate>[]) =>
    directions.map((direction) => firstThatHolds(spec, direction)).filter((nearest) => nearest !== null);
  // Volume arguments name every drive, so where they are given, growth is not a matter of a few lines.
  if (spec.volumes !== null) return search([otherOrder(spec), otherSchemes(spec), weakerPromises(spec)]);
  const larger = search([moreDrives(spec), moreNodes(spec), moreZones(spec)]);
  // Where no growth in one direction is enough, there is one in two.
  const grown = larger.length > 0 ? larger : search([zonesAndDrives(spec)]);
  return [...grown, ...search([otherSchemes(spec), weakerPromises(spec)])];
}

function firstThatHolds(spec: ClusterSpec, candidates: Iterable<Candidate>): NearestSpec | null {
  for (const { spec: candidate, change } of candidates) {
    if (!mayHold(candidate)) continue;
    // Machines of drives and nodes that are only suggested cannot be described, and decide nothing here.
    const written = parseClusterSpec(specText({ ...candidate, hosts: [] }), 'suggestion');
    if (!written.ok || !evaluate(written.spec).verdict.safe) continue;
    return { change, yaml: difference(spec, written.spec) };
  }
  return null;
}

/** Settings that differ, as lines to paste. A promise that the file may have left to the default is kept in words. */
function difference(before: ClusterSpec, after: ClusterSpec): string {
  const old = new Map(specSettings(before));
  if (after.survive !== defaultDomain(after.zones.length, after.nodes.length)) old.delete('survive');
  return [...specSettings(after)]
    .filter(([name, text]) => old.get(name) !== text)
    .map(([, text]) => text)
    .join('');
}

/** Cheap, so that planning is tried only where it can succeed: what any layout must have room for. */
function mayHold(spec: ClusterSpec): boolean {
  const { erasure, survive } = spec;
  const drives = clusterDrives(planNodes(spec));
  const budget = lossBudget(erasure);
  if (drives.length < erasure.k + erasure.m || drives.length > DRIVES_MAX || budget < 1) return false;
  const caps = { ...capsFor(drives, erasure), drive: 1 };
  return caps[survive] <= budget;
}

function* moreDrives(spec: ClusterSpec): Generator<Candidate> {
  const least = Math.min(...spec.nodes.map((node) => node.drives.length));
  for (let more = 1; more <= STEPS_MAX; more++) {
    const change =
      spec.nodes.every((node) => node.drives.length === least) && least > 0
        ? `${least + more} drives on each node instead of ${least}`
        : `${count(more, 'more drive')} on each node`;
    yield { spec: { ...spec, nodes: spec.nodes.map((node) => withMoreDrives(node, more)) }, change };
  }
}

function* moreNodes(spec: ClusterSpec): Generator<Candidate> {
  for (let more = 1; more <= STEPS_MAX; more++) {
    let nodes = [...spec.nodes];
    for (const zone of spec.zones) for (let i = 0; i < more; i++) nodes = withNodeIn(nodes, zone);
    yield { spec: { ...spec, nodes }, change: `${count(more, 'more node')} in each zone` };
  }
}

function* moreZones(spec: ClusterSpec): Generator<Candidate> {
  let larger = spec;
  for (let more = 1; more <= ZONE_STEPS_MAX; more++) {
    larger = withZone(larger);
    yield { spec: larger, change: `${count(more, 'more zone')}, each like zone ${spec.zones.at(-1)}` };
  }
}

function* zonesAndDrives(spec: ClusterSpec): Generator<Candidate> {
  let larger = spec;
  for (let zones = 1; zones <= ZONE_STEPS_MAX; zones++) {
    larger = withZone(larger);
    for (const { spec: both, change } of moreDrives(larger)) {
      yield { spec: both, change: `${count(zones, 'more zone')}, and ${change}` };
    }
  }
}

/** The same drives, spread better over the sets. */
function* otherOrder(spec: ClusterSpec): Generator<Candidate> {
  const volumes = interleavedEndpoints(spec.nodes);
  yield {
    spec: { ...spec, volumes },
    change: 'another order of the drives (only for a cluster that is yet to be founded)',
  };
}

/** Smaller schemes: as many parity shards as can be kept, then as many data shards. */
function* otherSchemes(spec: ClusterSpec): Generator<Candidate> {
  const { k, m } = spec.erasure;
  for (let parity = m; parity >= 1; parity--) {
    // One data shard leaves no replica that a write could do without, so 2 is the least.
    for (let data = Math.max(2, parity === m ? k - 1 : k); data >= 2; data--) {
      if (data === k && parity === m) continue;
      yield {
        spec: { ...spec, erasure: { k: data, m: parity } },
        change: `scheme ${data}+${parity} instead of ${k}+${m} (any ${count(parity, 'drive')} may be lost)`,
      };
    }
  }
}

/** The cluster as it is, promising less. */
function* weakerPromises(spec: ClusterSpec): Generator<Candidate> {
  for (const survive of DOMAINS.slice(DOMAINS.indexOf(spec.survive) + 1)) {
    yield {
      spec: { ...spec, survive },
      change: `the same cluster, promising only that any one ${survive} can be lost`,
    };
  }
}

function withMoreDrives(node: SpecNode, more: number): SpecNode {
  const drives = [...node.drives];
  while (drives.length < node.drives.length + more) drives.push(nextDrive(drives));
  return { ...node, drives };
}

/** Like the last one, with the next free number: /mnt/d2 → /mnt/d3. */
function nextDrive(drives: readonly SpecDrive[]): SpecDrive {
  const last = drives.at(-1)!;
  const name = nextName(last.name, new Set(drives.map((drive) => drive.name)));
  const path = last.path === null ? null : `${last.path.slice(0, last.path.lastIndexOf('/') + 1)}${name}`;
  return { name, path, capacityBytes: last.capacityBytes };
}

/** A copy of the zone's last node. Where nodes have addresses, the new one's is its name: nobody can know it yet. */
function withNodeIn(nodes: readonly SpecNode[], zone: string): SpecNode[] {
  const last = nodes.findLastIndex((node) => node.zone === zone);
  const model = nodes[last]!;
  const name = nextName(model.name, new Set(nodes.map((node) => node.name)));
  const node = { ...model, name, host: model.host === null ? null : name };
  return [...nodes.slice(0, last + 1), node, ...nodes.slice(last + 1)];
}

function withZone(spec: ClusterSpec): ClusterSpec {
  const model = spec.zones.at(-1)!;
  const zone = nextName(model, new Set(spec.zones));
  const taken = new Set(spec.nodes.map((node) => node.name));
  const added = spec.nodes
    .filter((node) => node.zone === model)
    .map((node, index) => {
      const name = nextName(`${zone}${index}`, taken);
      taken.add(name);
      return { ...node, name, zone, host: node.host === null ? null : name };
    });
  return { ...spec, zones: [...spec.zones, zone], nodes: [...spec.nodes, ...added] };
}

/** Counts on from a name: d2 → d3, rack-9 → rack-10, b → c, and with a number behind where that is not possible. */
function nextName(name: string, taken: ReadonlySet<string>): string {
  const [, stem, digits] = /^(.*?)([0-9]*)$/.exec(name) as unknown as [string, string, string];
  if (digits === '' && /^[a-y]$/.test(stem)) {
    for (let code = stem.charCodeAt(0) + 1; code <= 'z'.charCodeAt(0); code++) {
      const letter = String.fromCharCode(code);
      if (!taken.has(letter)) return letter;
    }
  }
  for (let number = Number(digits) + 1; ; number++) {
    if (!taken.has(`${stem}${number}`)) return `${stem}${number}`;
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
