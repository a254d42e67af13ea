/// One element of `services:`, opened as far as is the same for all: its name, its address and the types that decide
/// who reads the rest.
struct ServiceSections {
    let setting: Setting
    /// The service's own keys.
    let common: SettingSection
    let name: String
    let handlerType: String
    let listenerType: String
    /// The service's own metadata, which hold whatever its handler is.
    let metadata: SettingSection

    /// `number` names the service where it has no name: `service-0`.
    init(_ setting: Setting, number: Int, findings: inout Findings) {
        self.setting = setting
        common = SettingSection(
            setting.node, path: setting.key, keys: ServerKeys.service, place: setting.place, findings: &findings)
        name = common.text("name", findings: &findings) ?? "service-\(number)"
        handlerType = ServiceSections.type(in: common.setting("handler")?.node) ?? "auto"
        listenerType = ServiceSections.type(in: common.setting("listener")?.node) ?? "tcp"
        metadata = common.section("metadata", keys: ServerKeys.serviceMetadata, findings: &findings)
        if handlerType != "tunnel", let setting = metadata.setting("proxyProtocol"), !setting.node.isOff {
            setting.problem(
                "is available on tunnel services only; here the address of the connection's peer is used: remove it",
                findings: &findings)
        }
    }

    private static func type(in node: SettingNode?) -> String? {
        guard case .scalar(let text) = node?.value(of: "type")?.content, !text.isEmpty else { return nil }
        return text.lowercased()
    }

    func section(_ name: String, keys: KeyTable, findings: inout Findings) -> SettingSection {
        common.section(name, keys: keys, findings: &findings)
    }

    func listenAddress(findings: inout Findings) -> ListenAddress? {
        guard let address = common.setting("addr") else {
            setting.problem("needs `addr:`, the address to listen at, as `:8421`", findings: &findings)
            return nil
        }
        return address.listenAddress(findings: &findings)
    }
}
