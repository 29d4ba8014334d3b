// All mutations by name.
import { MEMBERSHIP_MUTATIONS } from './membership-mutations.ts';
import type { Mutation } from './mutation.ts';
import { OBJECT_MUTATIONS } from './object-mutations.ts';
import { REGISTER_MUTATIONS } from './register-mutations.ts';
import { STORAGE_MUTATIONS } from './storage-mutations.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...STORAGE_MUTATIONS,
  ...REGISTER_MUTATIONS,
  ...MEMBERSHIP_MUTATIONS,
  ...OBJECT_MUTATIONS,
];

/** Throws RangeError. */
export function mutationNamed(name: string): Mutation {
  const mutation = MUTATIONS.find((candidate) => candidate.name === name);
  if (mutation === undefined) {
    throw new RangeError(`there is no mutation ${name}; there are ${MUTATIONS.map((known) => known.name).join(', ')}`);
  }
  return mutation;
}
