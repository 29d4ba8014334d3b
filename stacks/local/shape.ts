// What of a spec a data directory is made with and cannot change afterwards by editing the file: which nodes and drives there
// are, in which zones, and the scheme. Pure.
import type { ClusterSpec, SpecNode } from '../../spec/cluster-spec.ts';

/** What the local target cannot run of this spec, a sentence each. */
export function unsupported(spec: ClusterSpec): string[] {
  return spec.engine === 'ashlar'
    ? []
    : [`the local target runs engine ashlar only, and ${spec.name} asks for ${spec.engine}`];
}

/** In which ways the cluster of `now` is another one than the directory holds, a phrase each; empty when it is the same. */
export function shapeDifferences(was: ClusterSpec, now: ClusterSpec): string[] {
  const differences: string[] = [];
  if (was.name !== now.name) differences.push(`its name is ${was.name}, the spec says ${now.name}`);
  const [wasScheme, nowScheme] = [schemeOf(was), schemeOf(now)];
  if (wasScheme !== nowScheme) differences.push(`its erasure scheme is ${wasScheme}, the spec says ${nowScheme}`);
  const nowNodes = new Map(now.nodes.map((node) => [node.name, node]));
  for (const node of was.nodes) {
    const other = nowNodes.get(node.name);
    nowNodes.delete(node.name);
    if (other === undefined) differences.push(`it has node ${node.name} in zone ${node.zone}, the spec has not`);
    else differences.push(...nodeDifferences(node, other));
  }
  for (const node of nowNodes.values()) {
    differences.push(`the spec has node ${node.name} in zone ${node.zone}, it has not`);
  }
  return differences;
}

function nodeDifferences(was: SpecNode, now: SpecNode): string[] {
  const differences: string[] = [];
  if (was.zone !== now.zone) differences.push(`its node ${was.name} is in zone ${was.zone}, the spec says ${now.zone}`);
  const [wasDrives, nowDrives] = [drivesOf(was), drivesOf(now)];
  if (wasDrives !== nowDrives) {
    differences.push(`its node ${was.name} has drives ${wasDrives}, the spec says ${nowDrives}`);
  }
  if ((was.wal === null) !== (now.wal === null)) {
    differences.push(
      `its node ${was.name} has ${was.wal === null ? 'no' : 'a'} write-ahead log apart, the spec says otherwise`,
    );
  }
  return differences;
}

function schemeOf(spec: ClusterSpec): string {
  return `${spec.erasure.k}+${spec.erasure.m}`;
}

function drivesOf(node: SpecNode): string {
  return node.drives.map((drive) => drive.name).join(', ');
}
