import { describe, expect, test } from 'vitest';
import { goDuration, literal, resourceName, shellWord } from '../../../stacks/swarm/terraform-text.ts';

describe('a duration is written as Go prints it, so that Terraform sees no difference', () => {
  for (const [given, printed] of [
    ['60s', '1m'],
    ['90s', '1m30s'],
    ['45s', '45s'],
    ['60m', '1h'],
    ['3605s', '1h0m5s'],
    ['5430s', '1h30m30s'],
    ['120m', '2h'],
    ['0s', '0s'],
  ] as const) {
    test(`${given} as ${printed}`, () => expect(goDuration(given)).toBe(printed));
  }
});

test('what looks like an expression of Terraform is written so that it stays text', () => {
  const [dollar, percent] = ['$', '%'];
  expect(literal(`a ${dollar}{b} ${percent}{c} $d 100% {e}`)).toBe(
    `a ${dollar}${dollar}{b} ${percent}${percent}{c} $d 100% {e}`,
  );
});

test('the name of a resource never begins with a digit', () => {
  expect(resourceName('3zones-a1')).toBe('_3zones-a1');
  expect(resourceName('three-zones-a1')).toBe('three-zones-a1');
});

test('a word for the shell is quoted where it has to be', () => {
  expect(shellWord('http://a1:9000/x')).toBe('http://a1:9000/x');
  expect(shellWord("it's $(x)")).toBe("'it'\\''s $(x)'");
});
