package import Primitives

/// The generated host label of a tunnel: the first 16 hexadecimal digits of the MD5 of its textual id (protocol
/// relay §6). Everyone who knows the tunnel's id knows it; nobody gets from it to the id.
package enum Endpoint {
    /// Characters of every label.
    package static var labelBytes: Int { @_noLocks get { 16 } }

    /// The label of a tunnel: 16 lower-case hexadecimal digits.
    package static func label(of tunnel: TunnelID) -> InlineText {
        var text = InlineArray<36, UInt8>(repeating: 0)
        var span = text.mutableSpan
        span.withUnsafeMutableBytes { tunnel.writeText(to: $0.baseAddress!) }
        let digest = MD5.digest(of: text.span.bytes)
        var label = InlineText()
        for index in 0..<(labelBytes / 2) {
            let byte = digest[index]
            for digit in [byte >> 4, byte & 15] { _ = label.append(digit < 10 ? digit + 48 : digit + 87) }
        }
        return label
    }

    /// Whether `label` has the form of a generated one: such names are never given to anyone but their tunnel.
    package static func hasForm(_ label: some StringProtocol) -> Bool {
        label.utf8.count == labelBytes
            && label.utf8.allSatisfy { $0 >= 48 && $0 <= 57 || $0 >= 97 && $0 <= 102 }
    }
}
