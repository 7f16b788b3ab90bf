/** Certificates for tests, made by openssl. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../lab/signing-tools.ts'

/** A CA of our own, and a certificate for 127.0.0.1 signed by it: ca.crt, server.crt and server.key in `folder`. */
export async function makeCertificates(folder: string): Promise<void> {
  const run = (line: string, ...more: string[]) => runTool('openssl', [...line.split(' '), ...more], folder)
  const ec = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
  await run(`req -x509 ${ec} -keyout ca.key -out ca.crt -days 2 -subj /CN=lab`)
  await run(`req ${ec} -keyout server.key -out server.csr -subj /CN=zones`)
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n')
  await run('x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt')
}
