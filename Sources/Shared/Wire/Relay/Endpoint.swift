package import Model
package import Primitives

/// The generated host label of a tunnel (protocol relay §6): the first eight bytes of the MD5 of its id's text, in hex.
package enum Endpoint {
    /// The 16 lower-case hexadecimal letters for `tunnel`.
    package static func label(of tunnel: TunnelID) -> InlineText {
        let digest = withUnsafeTemporaryAllocation(byteCount: 36, alignment: 8) { text in
            tunnel.writeText(to: text.baseAddress!)
            return MD5.digest(of: UnsafeRawBufferPointer(text).bytes)
        }
        var label = InlineText()
        for index in 0..<16 {
            let digit = (index & 1 == 0 ? digest[index / 2] >> 4 : digest[index / 2]) & 15
            _ = label.append(digit < 10 ? digit + 0x30 : digit + 87)
        }
        return label
    }
}
