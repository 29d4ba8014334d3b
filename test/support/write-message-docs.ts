// Writes the list of messages in docs/wire-protocol.md anew, and the golden bytes of messages whose format changed. For use
// while a format is being made: once it was released, its bytes stay, and a change is a new version or a new message.
import { readFileSync, writeFileSync } from 'node:fs';
import { METHODS, messagesDocument, sampleOf } from './message-doc.ts';

const MARK = '<!-- From here on written by test/support/write-message-docs.ts. -->';
const page = new URL('../../docs/wire-protocol.md', import.meta.url);
const golden = new URL('../golden/messages.txt', import.meta.url);

const [head] = readFileSync(page, 'utf8').split(MARK);
writeFileSync(page, `${head}${MARK}\n\n${messagesDocument()}\n`);
const lines = METHODS.flatMap(({ name, request, response }) =>
  (
    [
      ['request', request],
      ['answer', response],
    ] as const
  ).map(([side, format]) => `${name} ${side} ${format.encode(sampleOf(format)).toString('hex')}`),
);
writeFileSync(golden, `${lines.join('\n')}\n`);
