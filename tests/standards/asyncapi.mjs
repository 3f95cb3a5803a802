// Reads an AsyncAPI document with the official parser, its Avro schemas included: what it complains of goes to stdout, and
// the exit code is 1 if there is anything. Arguments: the directory with the packages, the document.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [packages, path] = process.argv.slice(2);
const load = createRequire(`${packages}/package.json`);
const { Parser } = load('@asyncapi/parser');
const { AvroSchemaParser } = load('@asyncapi/avro-schema-parser');

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
const { document, diagnostics } = await parser.parse(readFileSync(path, 'utf8'));
// Hints, such as that a newer version of the standard is there, are no complaints.
const complaints = diagnostics.filter(({ severity }) => severity <= 1);
for (const { code, message, path: place } of complaints) console.log(code, place.join('.'), message);
if (document) console.log(`channels ${document.channels().all().length}, operations ${document.operations().all().length}`);
process.exit(document && complaints.length === 0 ? 0 : 1);
