// What other people's stacks are given for their machines: the same as the command writes, in the forms that providers take.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { App, TerraformStack, Testing } from 'cdktf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootData } from '../../../host-tuning/boot-data.ts';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import { renderHost } from '../../../host-tuning/render-host.ts';
import { readHostScripts } from '../../../host-tuning/scripts.ts';
import { HostTuning as Construct } from '../../../stacks/host-tuning/cdktf.ts';
import { HostTuning as Component } from '../../../stacks/host-tuning/pulumi.ts';
import { collect } from '../../support/pulumi-collector.ts';
import { ONE_HOST, specOf } from './specs.ts';

const spec = specOf(ONE_HOST);
const scripts = readHostScripts();
const rendered = renderHost(describeHost(spec, 'a1'), scripts);
const unpacked = (base64: string) => gunzipSync(Buffer.from(base64, 'base64')).toString();

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-boot-data-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const someStack = () => new TerraformStack(new App({ outdir: directory }), 'machines');

describe('the data of a host', () => {
  const data = bootData(spec, scripts).get('a1')!;

  test('are the files of host-config', () => {
    const { name, userDataGzipBase64, ...texts } = data;
    expect(name).toBe('a1');
    expect(texts).toEqual({
      userData: rendered.get('user-data'),
      metaData: rendered.get('meta-data'),
      networkConfig: rendered.get('network-config'),
      applyScript: rendered.get('apply.sh'),
      doctorScript: rendered.get('doctor.sh'),
    });
    expect(unpacked(userDataGzipBase64)).toBe(rendered.get('user-data'));
  });

  test('fit EC2 with a KiB to spare, for every machine of the complete example', () => {
    const archive = specOf(readFileSync('examples/bare-metal.yaml', 'utf8'));
    expect(bootData(archive, scripts, { userDataBytesMax: 16_384 - 1024 }).size).toBe(6);
  });

  test('are packed without a word about when and where', () => {
    expect([...Buffer.from(data.userDataGzipBase64, 'base64').subarray(0, 10)]).toEqual([
      0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255,
    ]);
  });

  test('are refused when the provider takes less, and not when it takes just that', () => {
    const size = Buffer.from(data.userDataGzipBase64, 'base64').length;
    expect(bootData(spec, scripts, { userDataBytesMax: size }).size).toBe(1);
    expect(() => bootData(spec, scripts, { userDataBytesMax: size - 1 })).toThrow(
      `the user-data of a1 has ${size} bytes when packed, and the provider takes ${size - 1}`,
    );
  });

  test('are of machines that the spec describes', () => {
    expect(() => bootData(spec, scripts, { hosts: ['b1'] })).toThrow('does not describe a machine b1; it has a1');
    expect(() => bootData({ ...spec, hosts: [] }, scripts)).toThrow('one has no "hosts"');
    expect(bootData(spec, scripts, { hosts: [] }).size).toBe(0);
  });
});

describe('the construct', () => {
  test('writes texts so that Terraform reads them as they are', () => {
    const stack = someStack();
    const { userData, applyScript } = new Construct(stack, 'tuning', { spec }).hosts.get('a1')!;
    expect(userData).toMatch(/\$\$\{/);
    expect(userData).not.toMatch(/(?<![$%])[$%]\{/);
    expect(userData.replace(/([$%])\1(?=\{)/g, '$1')).toBe(rendered.get('user-data'));
    expect(applyScript.replace(/([$%])\1(?=\{)/g, '$1')).toBe(rendered.get('apply.sh'));
  });

  test('has an output for each host, and asks for no provider', () => {
    const stack = someStack();
    new Construct(stack, 'tuning', { spec });
    const synthesized = JSON.parse(Testing.synth(stack));
    expect(Object.keys(synthesized).sort()).toEqual(['output']);
    const { sensitive, value } = synthesized.output['one-host-a1'];
    expect(sensitive).toBe(true);
    expect(unpacked(value.user_data_gzip_base64)).toBe(rendered.get('user-data'));
    expect(value.meta_data).toBe(rendered.get('meta-data'));
    expect(value.network_config).toBe(rendered.get('network-config'));
  });

  test('refuses a machine that the spec does not describe', () => {
    const stack = someStack();
    expect(() => new Construct(stack, 'tuning', { spec, hosts: ['z9'] })).toThrow('does not describe a machine z9');
  });
});

describe('the component', () => {
  test('has the texts as they are, and registers nothing but itself', async () => {
    const seen: string[] = [];
    const { resources, result } = await collect(() => new Component('tuning', { spec }).hosts, {
      onRegister: ({ type, name }) => seen.push(`${type} ${name}`),
    });
    expect(result).toEqual(bootData(spec, scripts));
    expect(resources).toEqual([]);
    expect(seen.filter((line) => !line.startsWith('pulumi:'))).toEqual(['ashlar:hosts:HostTuning tuning']);
  });

  test('refuses a machine that the spec does not describe', async () => {
    await expect(collect(() => new Component('tuning', { spec, hosts: ['z9'] }))).rejects.toThrow(
      'does not describe a machine z9',
    );
  });
});
