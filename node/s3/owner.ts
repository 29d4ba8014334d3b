// There is one owner of everything: all credentials of a cluster act for it. Clients get the same canonical id everywhere.
import { element, group } from './xml.ts';

/** Shaped like AWS's canonical user ids; the SHA-256 of "ashlar". */
export const OWNER_ID = '3d30e39f193816784a8821f06e109aa3502fcef1f26f61d81dc61cacf87f2b42';
const OWNER_NAME = 'ashlar';

/** <Owner> or <Initiator>. */
export function ownerXml(name: 'Owner' | 'Initiator' = 'Owner'): string {
  return group(name, OWNER_FIELDS);
}

export const OWNER_FIELDS = element('ID', OWNER_ID) + element('DisplayName', OWNER_NAME);
