import { createHash, X509Certificate } from 'node:crypto'
import forge from 'node-forge'

/** A key and certificate of a test server. */
export interface TestCertificate {
  readonly key: string
  readonly certificate: string
  /** SHA-256 of its SubjectPublicKeyInfo, base64. */
  readonly pin: string
}

/** A certificate for some names, signed by itself, valid from yesterday for `days`. */
export function selfSigned(names: readonly string[], days = 2): TestCertificate {
  const pair = forge.pki.rsa.generateKeyPair({ bits: 2048 })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = pair.publicKey
  certificate.serialNumber = '01'
  const now = Date.now()
  certificate.validity.notBefore = new Date(now - 2 * 86_400_000)
  certificate.validity.notAfter = new Date(now + (days - 1) * 86_400_000)
  const subject = [{ name: 'commonName', value: names[0] ?? 'test' }]
  certificate.setSubject(subject)
  certificate.setIssuer(subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    {
      name: 'subjectAltName',
      altNames: names.map((name) =>
        /^[\d.]+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name },
      ),
    },
  ])
  certificate.sign(pair.privateKey, forge.md.sha256.create())
  const pem = forge.pki.certificateToPem(certificate)
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  return {
    key: forge.pki.privateKeyToPem(pair.privateKey),
    certificate: pem,
    pin: createHash('sha256').update(spki).digest('base64'),
  }
}
