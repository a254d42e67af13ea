/// Reads the redis plugins of ingresses and of `sds:`, and finds service discovery by name. Equal databases become one
/// store, so that each is connected to once.
struct StoreReading {
    private(set) var stores: [StoreSettings] = []
    private(set) var discoveries: [ServiceDiscovery] = []
    private var indexByName: [String: Int] = [:]

    /// Every element of `sds:`, in its order, so that a written configuration reads back the same.
    mutating func read(_ list: [Setting], findings: inout Findings) {
        for setting in list {
            let section = SettingSection(
                setting.node, path: setting.key, keys: StoreKeys.discovery, place: setting.place, findings: &findings)
            guard let name = section.text("name", findings: &findings) else {
                setting.problem("needs a `name:`, by which handlers refer to it", findings: &findings)
                continue
            }
            guard indexByName[name] == nil else {
                setting.problem("a second element of `sds` is named `\(name)`; rename one", findings: &findings)
                continue
            }
            guard let plugin = section.setting("plugin") else {
                setting.problem("needs `plugin: {type: redis, …}`", findings: &findings)
                continue
            }
            if let store = discoveryStore(plugin, findings: &findings) {
                add(ServiceDiscovery(name: name, store: store))
            }
        }
    }

    /// What a handler's `sd` refers to: a name of `sds:`, or a URL. Nil where nothing stands, or with a problem.
    mutating func discovery(of setting: Setting?, findings: inout Findings) -> Int? {
        guard let setting, !setting.node.isOff else { return nil }
        if let plugin = StoreURL.plugin(setting, findings: &findings) {
            guard case .mapping = plugin.node.content, let store = discoveryStore(plugin, findings: &findings) else {
                return nil
            }
            // The same URL at several services is one.
            if let index = discoveries.firstIndex(where: { $0.store == store }) { return index }
            var name = "redis"
            while indexByName[name] != nil { name += "'" }
            return add(ServiceDiscovery(name: name, store: store))
        }
        guard let name = setting.text(findings: &findings) else { return nil }
        if let index = indexByName[name] { return index }
        // A mistyped URL may hold a password.
        let shown = name.contains("@") ? "what stands here" : "`\(name)`"
        setting.problem("no service discovery is named \(shown); define it under `sds:`", findings: &findings)
        return nil
    }

    /// The type of a plugin, before anything else of it is judged; GOST's standard is grpc.
    static func type(of plugin: Setting) -> String {
        guard case .scalar(let text) = plugin.node.value(of: "type")?.content, !text.isEmpty else { return "grpc" }
        return text.lowercased()
    }

    /// A plugin whose type is none that there is.
    static func refuse(_ plugin: Setting, type: String, instead: String, findings: inout Findings) {
        let state = ["grpc", "http", "redis"].contains(type) ? "is not available yet" : "is unknown"
        let place = plugin.node.value(of: "type")?.place ?? plugin.place
        findings.problem(place, plugin.key + ".type", "plugin type `\(type)` \(state); write \(instead)")
    }

    private mutating func discoveryStore(_ plugin: Setting, findings: inout Findings) -> Int? {
        let type = StoreReading.type(of: plugin)
        guard type == "redis" else {
            StoreReading.refuse(plugin, type: type, instead: "`type: redis`", findings: &findings)
            return nil
        }
        let section = SettingSection(
            plugin.node, path: plugin.key, keys: StoreKeys.discoveryPlugin, place: plugin.place, findings: &findings)
        return store(section, expirationSeconds: StoreSettings.discoveryExpirationSeconds, findings: &findings)
    }

    /// The index of the store that a section of a redis plugin describes, whoever uses it.
    mutating func store(
        _ plugin: SettingSection, expirationSeconds: UInt64, findings: inout Findings
    ) -> Int? {
        var settings = StoreSettings()
        settings.sentinel = StoreReading.sentinel(plugin, findings: &findings)
        let isSentinels = plugin.setting("sentinel").map { !$0.node.isOff } ?? false
        guard let addresses = StoreReading.addresses(plugin, areSentinels: isSentinels, findings: &findings) else {
            return nil
        }
        settings.addresses = addresses
        if let database = plugin.setting("db")?.integer(in: 0...StoreSettings.databaseMax, findings: &findings) {
            settings.database = Int(database)
        }
        settings.login = StoreReading.login(plugin, findings: &findings)
        settings.tls = StoreReading.tls(plugin, findings: &findings)
        settings.expirationSeconds = expirationSeconds
        if let setting = plugin.setting("expiration") {
            guard let seconds = setting.expirationSeconds(findings: &findings) else { return nil }
            settings.expirationSeconds = seconds
        }
        return index(of: settings)
    }

    @discardableResult
    private mutating func add(_ discovery: ServiceDiscovery) -> Int {
        discoveries.append(discovery)
        indexByName[discovery.name] = discoveries.count - 1
        return discoveries.count - 1
    }

    private mutating func index(of settings: StoreSettings) -> Int {
        if let index = stores.firstIndex(of: settings) { return index }
        stores.append(settings)
        return stores.count - 1
    }
}

// MARK: The way to a store

extension StoreReading {
    private static func addresses(
        _ plugin: SettingSection, areSentinels: Bool, findings: inout Findings
    ) -> [StoreAddress]? {
        let port = areSentinels ? StoreAddress.sentinelPort : StoreAddress.serverPort
        var addresses: [StoreAddress] = []
        for element in plugin.elements("addr") {
            guard let text = element.text(findings: &findings) else { return nil }
            for part in text.split(separator: ",") {
                guard let address = StoreAddress(String(part.filter { $0 != " " }), standardPort: port) else {
                    element.problem("is no address: write `10.0.0.5:\(port)`", findings: &findings)
                    return nil
                }
                if !addresses.contains(address) { addresses.append(address) }
            }
        }
        let place = plugin.setting("addr") ?? Setting(key: plugin.path, node: SettingNode(.nothing, at: plugin.place))
        guard addresses.count <= StoreSettings.addressesMax else {
            place.problem("more than \(StoreSettings.addressesMax) addresses; remove some", findings: &findings)
            return nil
        }
        if areSentinels {
            if addresses.isEmpty { place.problem("needs `addr:`, where the sentinels listen", findings: &findings) }
            return addresses.isEmpty ? nil : addresses
        }
        guard addresses.count <= 1 else {
            place.problem(
                "is one server; several addresses are sentinels, which need `sentinel: mymaster`", findings: &findings)
            return nil
        }
        return addresses.isEmpty ? StoreSettings().addresses : addresses
    }

    /// `username` and `password`; a name alone would sign in by nothing.
    private static func login(_ section: SettingSection, findings: inout Findings) -> StoreLogin? {
        let userName = section.text("username", findings: &findings) ?? ""
        let password = section.text("password", findings: &findings) ?? ""
        guard !userName.isEmpty || !password.isEmpty else { return nil }
        guard !password.isEmpty else {
            section.setting("username")?.problem("has no password; write `password:` as well", findings: &findings)
            return nil
        }
        guard userName.utf8.count <= StoreLogin.bytesMax, password.utf8.count <= StoreLogin.bytesMax else {
            section.setting("password")?.problem(
                "name and password may be \(StoreLogin.bytesMax) bytes long each; shorten them", findings: &findings)
            return nil
        }
        return StoreLogin(userName: userName, password: password)
    }

    /// `sentinel: mymaster` or `sentinel: {master: mymaster, username: …, password: …}`.
    private static func sentinel(_ plugin: SettingSection, findings: inout Findings) -> StoreSentinel? {
        guard let setting = plugin.setting("sentinel"), !setting.node.isOff else { return nil }
        if case .scalar(let name) = setting.node.content { return StoreSentinel(masterName: name) }
        let section = plugin.section("sentinel", keys: StoreKeys.sentinel, findings: &findings)
        guard let name = section.text("master", findings: &findings) else {
            setting.problem("needs `master:`, the name by which the sentinels know the server", findings: &findings)
            return nil
        }
        var sentinel = StoreSentinel(masterName: name)
        sentinel.login = login(section, findings: &findings)
        return sentinel
    }

    /// `tls: true` or `tls: {secure, serverName, caFile, certFile, keyFile}`. Unlike GOST's, which verifies nothing
    /// unless told to (protocol ingress-sd-plugins §3), ours verifies unless told not to.
    private static func tls(_ plugin: SettingSection, findings: inout Findings) -> StoreTLS? {
        guard let setting = plugin.setting("tls") else { return nil }
        if case .scalar = setting.node.content {
            return setting.flag(findings: &findings) == true ? StoreTLS() : nil
        }
        let section = plugin.section("tls", keys: StoreKeys.tls, findings: &findings)
        var tls = StoreTLS()
        if let secure = section.setting("secure") {
            tls.verifies = secure.flag(findings: &findings) ?? true
            if !tls.verifies {
                findings.notice(
                    secure.place, secure.key, "anybody between here and the store can read and change what passes")
            }
        }
        tls.serverName = section.text("serverName", findings: &findings)
        tls.authorityPath = section.text("caFile", findings: &findings)
        tls.certificatePath = section.text("certFile", findings: &findings)
        tls.keyPath = section.text("keyFile", findings: &findings)
        if (tls.certificatePath == nil) != (tls.keyPath == nil) {
            setting.problem("`certFile` and `keyFile` belong together; write both", findings: &findings)
        }
        return tls
    }
}

extension StoreAddress {
    /// `host:port`, or a host alone, which listens at `standardPort`.
    init?(_ text: String, standardPort: UInt16) {
        let isHostAlone = text.hasPrefix("[") ? text.hasSuffix("]") : !text.contains(":")
        guard let read = HostAndPort(isHostAlone ? "\(text):\(standardPort)" : text), !read.host.isEmpty, read.port > 0
        else { return nil }
        self.init(host: read.host, port: read.port)
    }
}

extension Setting {
    /// How long an entry lives: a duration with a unit, in whole seconds, since Redis is told seconds.
    func expirationSeconds(findings: inout Findings) -> UInt64? {
        guard let text = text(findings: &findings) else { return nil }
        guard let duration = GoDuration(text), duration.nanoseconds % 1_000_000_000 == 0 else {
            problem("`\(text)` is no duration of whole seconds with a unit: write `1h` or `90s`", findings: &findings)
            return nil
        }
        let seconds = duration.nanoseconds / 1_000_000_000, range = StoreSettings.expirationSecondsRange
        guard range.contains(seconds) else {
            problem("must be between \(range.lowerBound) s and \(range.upperBound) s", findings: &findings)
            return nil
        }
        return seconds
    }
}
