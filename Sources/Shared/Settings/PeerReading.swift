internal import Model

/// Reads `culvert: {peers: {addr: ":8430", advertisedHost: 10.42.0.7, secretFile: /run/secrets/peers}}`.
enum PeerReading {
    /// nil where nothing stands, or with a problem.
    static func read(_ own: SettingSection, findings: inout Findings) -> PeerSettings? {
        guard let setting = own.setting("peers"), !setting.node.isOff else { return nil }
        let section = own.section("peers", keys: NodeKeys.peers, findings: &findings)
        guard case .mapping = setting.node.content else { return nil }
        guard let secret = secret(section, of: setting, findings: &findings) else { return nil }
        var peers = PeerSettings(secret: secret)
        if let setting = section.setting("addr"), let address = setting.listenAddress(findings: &findings) {
            if address.port > UInt16.max - PeerSettings.portsMax + 1 {
                setting.problem(
                    "each data plane of the node takes a port from this one on, so \(PeerSettings.portsMax) must be "
                        + "left: at most \(UInt16.max - PeerSettings.portsMax + 1)", findings: &findings)
            }
            peers.address = address
        }
        if let setting = section.setting("advertisedHost"),
            let host = section.text("advertisedHost", findings: &findings)
        {
            // Links are dialled without asking anybody for a name's address.
            if host.contains("/") || AddressPrefix(host) == nil {
                setting.problem("`\(host)` is no IP address: write `10.42.0.7` or `2001:db8::7`", findings: &findings)
            }
            peers.advertisedHost = host
        }
        return peers
    }

    private static func secret(
        _ section: SettingSection, of peers: Setting, findings: inout Findings
    ) -> PeerSecretSource? {
        let text = section.setting("secret"), file = section.setting("secretFile")
        if let text, file != nil {
            text.problem("`secretFile` stands here as well; remove one of them", findings: &findings)
            return nil
        }
        if let file {
            guard let path = file.text(findings: &findings) else { return nil }
            if path.isEmpty { file.problem("needs the path of a file", findings: &findings) }
            return .file(path: path)
        }
        guard let text else {
            peers.problem(
                "needs `secret:` or `secretFile:`, the same at every node of the cluster: `openssl rand -base64 32` "
                    + "makes one", findings: &findings)
            return nil
        }
        guard let secret = text.text(findings: &findings) else { return nil }
        if let problem = PeerSecretSource.problem(of: secret) { text.problem(problem, findings: &findings) }
        return .text(secret)
    }
}
