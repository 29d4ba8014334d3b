// What cloud-init is given, read as cloud-init reads it: as YAML 1.1.
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import { renderHost } from '../../../host-tuning/render-host.ts';
import { readHostScripts } from '../../../host-tuning/scripts.ts';
import { ONE_HOST, specOf } from './specs.ts';

const rendered = (text: string) => renderHost(describeHost(specOf(text), 'a1'), readHostScripts());
const readAsCloudInit = (text: string) => parse(text, { version: '1.1' });

test('a MAC address of digits alone stays one', () => {
  const text = ONE_HOST.replace('02:00:00:00:00:01', '52:54:00:12:34:10');
  const { ethernets } = readAsCloudInit(rendered(text).get('network-config')!);
  expect(ethernets.port0.match).toEqual({ macaddress: '52:54:00:12:34:10' });
});

test('a cluster and a user that are called as a boolean keep their names', () => {
  const text = `${ONE_HOST.replace('name: one', 'name: "on"').replace('system: debian-12', 'system: debian-12\n      users: {"yes": {sudo: true}}')}`;
  const files = rendered(text);
  expect(readAsCloudInit(files.get('meta-data')!)).toEqual({ 'instance-id': 'ashlar-on-a1', 'local-hostname': 'a1' });
  expect(readAsCloudInit(files.get('user-data')!).users[0].name).toBe('yes');
});
