import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { deriveSigningKey, SigningKeys } from '../../node/s3/auth/signing-key.ts';

test('the signing key is the chain of HMACs over date, region and service', () => {
  const chain = (secret: string, ...texts: string[]) =>
    texts.reduce<Buffer>((key, text) => createHmac('sha256', key).update(text).digest(), Buffer.from(`AWS4${secret}`));
  expect(deriveSigningKey('secret', '20130524', 'us-east-1').export()).toEqual(
    chain('secret', '20130524', 'us-east-1', 's3', 'aws4_request'),
  );
});

test('a key is derived once per access key and day', () => {
  const keys = new SigningKeys('us-east-1');
  const key = keys.get('alice', 'secret', '20130524');
  expect(keys.get('alice', 'secret', '20130524')).toBe(key);
  expect(keys.get('alice', 'secret', '20130525').export()).not.toEqual(key.export());
  expect(keys.get('bob', 'secret', '20130524')).not.toBe(key);
});

test('a secret that was changed is used at once, and the old one no longer', () => {
  const keys = new SigningKeys('us-east-1');
  const old = keys.get('alice', 'old secret', '20130524').export();
  const fresh = keys.get('alice', 'new secret', '20130524').export();
  expect(fresh).not.toEqual(old);
  expect(fresh).toEqual(deriveSigningKey('new secret', '20130524', 'us-east-1').export());
});

test('the cache does not grow without bound: the oldest key is derived again', () => {
  const keys = new SigningKeys('us-east-1');
  const first = keys.get('user-0', 'secret', '20130524');
  for (let i = 1; i <= 4096; i++) keys.get(`user-${i}`, 'secret', '20130524');
  const again = keys.get('user-0', 'secret', '20130524');
  expect(again).not.toBe(first);
  expect(again.export()).toEqual(first.export());
});
