// The JSON Schema of cluster.yaml, for completion and checking in editors. Written to spec/schema.json by write-schema.ts;
// a test fails when that file is not what this gives.
import { z } from 'zod';
import { documentSchema } from './schema.ts';

export function specJsonSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(documentSchema, { io: 'input', reused: 'inline' });
  const schema = {
    $schema,
    title: 'Ashlar cluster',
    description: 'A storage cluster: what it must survive, its zones, nodes and drives.',
    ...rest,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
