/** Certificates for tests, made by openssl. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../lab/signing-tools.ts'

const EC = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'

/** A CA of our own, and a certificate for 127.0.0.1 signed by it: ca.crt, server.crt and server.key in `folder`. */
export async function makeCertificates(folder: string): Promise<void> {
  await runOpenssl(`req -x509 ${EC} -keyout ca.key -out ca.crt -days 2 -subj /CN=lab`, folder)
  await certify(folder, 'server', 'IP:127.0.0.1')
}

/** A further certificate of that CA, for `altName`: NAME.crt and NAME.key. */
export async function certify(folder: string, name: string, altName: string, days = 2): Promise<void> {
  await runOpenssl(`req ${EC} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`, folder)
  writeFileSync(join(folder, 'names'), `subjectAltName=${altName}\n`)
  const by = `-CA ca.crt -CAkey ca.key -CAcreateserial -days ${days} -extfile names`
  await runOpenssl(`x509 -req -in ${name}.csr ${by} -out ${name}.crt`, folder)
}

async function runOpenssl(line: string, folder: string): Promise<void> {
  await runTool('openssl', line.split(' '), folder)
}
