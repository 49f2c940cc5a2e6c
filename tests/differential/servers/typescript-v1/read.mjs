// Validates values by schemas, as servers in JavaScript do.
//
// A line on stdin is `[SCHEMA, VALUE]`; the line that answers it is true or false, or null
// where the schema cannot be used.

import { createInterface } from "node:readline";
import { Ajv2020 } from "ajv/dist/2020.js";

const options = {
  strict: false,
  validateFormats: false,
  logger: false,
  addUsedSchema: false,
  // What an object inherits is not in its JSON.
  ownProperties: true,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [schema, value] = JSON.parse(line);
  let valid = null;
  try {
    valid = new Ajv2020(options).compile(schema)(value);
  } catch {
    // Any fault is of the schema.
  }
  console.log(JSON.stringify(valid));
}
