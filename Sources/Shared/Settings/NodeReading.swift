internal import Model

/// Reads what holds for the whole node: `culvert:`, `log:`, `metrics:`, `api:`, and the limits that stand in services.
struct NodeReading {
    private(set) var name = ""
    private(set) var limits: [Limit: UInt64] = [:]
    private(set) var logLevel = LogLevel.info
    private(set) var metricsAddress: ListenAddress?
    private(set) var apiAddress: ListenAddress?
    private(set) var workers: Int?
    private(set) var shell = ShellChoice.automatic
    private(set) var trustedProxies: [AddressPrefix] = []
    private(set) var peers: PeerSettings?
    /// Something stands there, right or wrong.
    private var namesPeers = false
    private var limitPlaces: [Limit: SettingPlace] = [:]

    mutating func read(_ top: SettingSection, findings: inout Findings) {
        readOwnKeys(top, findings: &findings)
        let log = top.section("log", keys: NodeKeys.log, findings: &findings)
        if let setting = log.setting("level"), let text = setting.text(findings: &findings) {
            guard let level = LogLevel(written: text) else {
                setting.problem("`\(text)` is no level: trace, debug, info, warn or error", findings: &findings)
                return
            }
            logLevel = level
        }
        let metrics = top.section("metrics", keys: NodeKeys.metrics, findings: &findings)
        metricsAddress = metrics.setting("addr")?.listenAddress(findings: &findings)
        if let setting = metrics.setting("path"), let path = setting.text(findings: &findings),
            path != "/metrics", !path.isEmpty
        {
            setting.problem("only `/metrics` is available; remove the key", findings: &findings)
        }
        let api = top.section("api", keys: NodeKeys.api, findings: &findings)
        apiAddress = api.setting("addr")?.listenAddress(findings: &findings)
    }

    private mutating func readOwnKeys(_ top: SettingSection, findings: inout Findings) {
        let own = top.section("culvert", keys: NodeKeys.culvert, findings: &findings)
        name = own.text("node", findings: &findings) ?? ""
        if let setting = own.setting("workers") {
            workers = setting.integer(in: 1...UInt64(WorkerIndex.countMax), findings: &findings).map(Int.init)
        }
        if let setting = own.setting("io"), let text = setting.text(findings: &findings) {
            if let choice = ShellChoice(rawValue: text.lowercased()) {
                shell = choice
            } else {
                setting.problem("`\(text)` is none of auto, ring and poll", findings: &findings)
            }
        }
        readTrustedProxies(own, findings: &findings)
        peers = PeerReading.read(own, findings: &findings)
        namesPeers = own.setting("peers").map { !$0.node.isOff } ?? false
        let table = KeyTable("`limits:`", Limit.allCases.map { .used("\($0)") })
        let section = own.section("limits", keys: table, findings: &findings)
        for limit in Limit.allCases {
            guard let setting = section.setting("\(limit)") else { continue }
            if let value = setting.integer(in: limit.row.range, findings: &findings) {
                limits[limit] = value
                limitPlaces[limit] = setting.place
            }
        }
    }

    /// `trustedProxies: [10.0.0.0/8, "2001:db8::1"]`.
    private mutating func readTrustedProxies(_ own: SettingSection, findings: inout Findings) {
        for element in own.elements("trustedProxies") {
            guard let text = element.text(findings: &findings) else { continue }
            guard let prefix = AddressPrefix(text) else {
                element.problem("`\(text)` is no network: write `10.0.0.0/8` or one address", findings: &findings)
                continue
            }
            guard trustedProxies.count < TrustedProxies.countMax else {
                return element.problem("more than \(TrustedProxies.countMax) networks; join some", findings: &findings)
            }
            trustedProxies.append(prefix)
        }
    }

    /// `sd` tells other nodes of a service's tunnels: they lead their visitors here, and have to find the way.
    func judgeSharing(_ discovery: Setting, findings: inout Findings) {
        guard namesPeers else {
            return discovery.problem(
                "other nodes will lead their visitors here, and nothing says how they come: add `culvert: {peers: "
                    + "{advertisedHost: 10.42.0.7, secretFile: /path}}` with this node's address and, at every node, the "
                    + "same secret", findings: &findings)
        }
        guard let peers, peers.reachableHost == nil else { return }
        discovery.problem(
            "other nodes have to be told where this one is: add `advertisedHost:` to `culvert: {peers: …}`, the IP address "
                + "at which they reach it", findings: &findings)
    }

    /// Limits that only make sense together: each pair's first must not exceed its second.
    private static let ordered: [(Limit, Limit)] = [
        (.muxKeepAliveMilliseconds, .muxKeepAliveTimeoutMilliseconds), (.streamWindowBytes, .streamWindowBytesMax),
    ]

    /// Judges limits against each other, once all are known.
    func judgeLimits(findings: inout Findings) {
        for (lower, upper) in NodeReading.ordered {
            let least = limits[lower] ?? lower.row.standard, most = limits[upper] ?? upper.row.standard
            guard least > most, let place = limitPlaces[lower] ?? limitPlaces[upper] else { continue }
            findings.problem(
                place, "\(lower)", "\(least) \(lower.row.unit) exceed `\(upper)`, which is \(most); change one of them")
        }
    }

    /// A limit that a service's metadata sets as a duration: `readTimeout` and its like. The limits are the node's, so
    /// services must not disagree. Zero, which is no timeout in GOST, keeps the standard.
    mutating func readDuration(_ setting: Setting?, as limit: Limit, findings: inout Findings) {
        guard let setting, let milliseconds = setting.metadataMilliseconds(findings: &findings) else { return }
        let range = limit.row.range
        guard milliseconds > 0 else {
            findings.notice(
                setting.place, setting.key,
                "nothing waits for ever here: the standard of \(limit.row.standard) ms holds")
            return
        }
        guard range.contains(milliseconds) else {
            setting.problem("must be between \(range.lowerBound) ms and \(range.upperBound) ms", findings: &findings)
            return
        }
        if let other = limits[limit], other != milliseconds {
            setting.problem(
                "\(other) ms stand at \(limitPlaces[limit]?.text ?? "another place"); a node has one value for all services",
                findings: &findings)
            return
        }
        limits[limit] = milliseconds
        limitPlaces[limit] = setting.place
    }
}

extension LogLevel {
    /// GOST's names as well as ours.
    init?(written text: String) {
        switch text.lowercased() {
        case "trace": self = .trace
        case "debug": self = .debug
        case "info": self = .info
        case "warn", "warning": self = .warning
        case "error", "fatal": self = .error
        default: return nil
        }
    }
}
