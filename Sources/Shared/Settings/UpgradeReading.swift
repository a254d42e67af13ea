/// Reads the further fields of a WebSocket upgrade (`header`, protocol transports §5.1): for proxies in front of the
/// tunnel server that want a token or a name.
struct UpgradeReading {
    let metadata: SettingSection

    /// All fields together, with their colons and line ends.
    static let bytesMax = 4_096
    /// What the upgrade itself says.
    private static let reserved: Set<String> = [
        "connection", "upgrade", "content-length", "transfer-encoding", "sec-websocket-key", "sec-websocket-version",
        "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol", "te", "trailer",
    ]

    /// A field `Host` takes the place of the host header, as in GOST.
    func read(into address: inout ServerAddress, findings: inout Findings) {
        guard let setting = metadata.setting("ws.header") else { return }
        guard case .mapping(let entries) = setting.node.content else {
            return setting.problem("expected names and values: `header: {X-Token: abc}`", findings: &findings)
        }
        var bytes = 0
        for entry in entries {
            for value in UpgradeReading.values(entry.value) {
                guard let field = field(entry, value, setting.key, findings: &findings) else { continue }
                bytes += field.name.utf8.count + field.value.utf8.count + 4
                if field.name.lowercased() == "host" {
                    address.hostHeader = field.value
                } else {
                    address.header.append(field)
                }
            }
        }
        if bytes > UpgradeReading.bytesMax {
            setting.problem("its fields have \(bytes) bytes, at most \(UpgradeReading.bytesMax)", findings: &findings)
        }
    }

    private static func values(_ node: SettingNode) -> [SettingNode] {
        if case .list(let elements) = node.content { elements } else { [node] }
    }

    private func field(
        _ entry: SettingEntry, _ node: SettingNode, _ path: String, findings: inout Findings
    ) -> HeaderField? {
        let setting = Setting(key: SettingSection.join(path, entry.key), node: node)
        guard let value = setting.text(findings: &findings) else { return nil }
        let isName = !entry.key.isEmpty && entry.key.utf8.allSatisfy(UpgradeReading.isTokenByte)
        guard isName, !UpgradeReading.reserved.contains(entry.key.lowercased()) else {
            setting.problem("is no field that can be added to a WebSocket upgrade; remove it", findings: &findings)
            return nil
        }
        let isHost = entry.key.lowercased() == "host"
        // The value is not repeated: it may be a secret.
        guard value.utf8.allSatisfy({ $0 >= (isHost ? 0x21 : 0x20) && $0 < 0x7F }), !isHost || value.utf8.count <= 255
        else {
            setting.problem("its value holds a byte that no field may have, or is too long", findings: &findings)
            return nil
        }
        return HeaderField(name: entry.key, value: value)
    }

    /// RFC 9110 §5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
