internal import COpenSSL

/// Digests by OpenSSL, which is none of ours.
package enum ReferenceDigests {
    /// The digest of some bytes by an algorithm that OpenSSL knows by this name: "SHA1", "MD5", "SHA256".
    package static func digest(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        var room = [UInt8](repeating: 0, count: 64)
        let count = culvert_openssl_digest(name, bytes, bytes.count, &room)
        precondition(count > 0, "OpenSSL has no \(name)")
        return Array(room[..<count])
    }

    /// The HMAC-SHA-256 of some bytes under a key.
    package static func keyedSHA256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var room = [UInt8](repeating: 0, count: 32)
        let count = culvert_openssl_hmac_sha256(key, key.count, bytes, bytes.count, &room)
        precondition(count == 32, "OpenSSL has no HMAC-SHA-256")
        return room
    }
}
