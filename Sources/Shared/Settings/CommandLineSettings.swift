/// What stands on the command line: `-L`, `-F`, `-D`, `-metrics`, `-api` (protocol tunnel-client §9).
package struct CommandLineSettings: Equatable, Sendable {
    package var listen: [String] = []
    package var forward: [String] = []
    package var logLevel: LogLevel?
    package var metricsAddress: String?
    package var apiAddress: String?

    package init() {}
}

extension CommandLineSettings {
    /// The chain that all `-F`s of a command line form; a name that no file can use.
    static let chainName = "-F"

    /// The tree that the arguments stand for.
    func settings(findings: inout Findings) -> SettingNode {
        let whole = ArgumentTree(place: SettingPlace(source: "command line"))
        var entries: [(String, SettingNode)] = []
        var services: [SettingNode] = []
        for argument in listen {
            let tree = ArgumentTree(place: ServiceURL.place(of: argument, option: "-L"))
            services += tree.services(
                listen: argument, chain: forward.isEmpty ? nil : CommandLineSettings.chainName, findings: &findings)
        }
        if !services.isEmpty { entries.append(("services", whole.list(services))) }
        if !forward.isEmpty {
            let hops = forward.compactMap { argument in
                ArgumentTree(place: ServiceURL.place(of: argument, option: "-F"))
                    .hop(forward: argument, findings: &findings)
            }
            let chain = whole.mapping([
                ("name", whole.text(CommandLineSettings.chainName)), ("hops", whole.list(hops)),
            ])
            entries.append(("chains", whole.list([chain])))
        }
        if let logLevel {
            let tree = ArgumentTree(place: SettingPlace(source: logLevel == .trace ? "-DD" : "-D"))
            entries.append(("log", tree.mapping([("level", tree.text(logLevel.rawValue))])))
        }
        for (key, address) in [("metrics", metricsAddress), ("api", apiAddress)] {
            guard let address else { continue }
            let tree = ArgumentTree(place: SettingPlace(source: "-\(key)"))
            var values = [("addr", tree.text(address))]
            if let at = address.lastIndex(of: "@") {
                // `user:pass@addr`: a restriction, which the reader refuses.
                values = [
                    ("addr", tree.text(String(address[address.index(after: at)...]))), ("auth", tree.text("set")),
                ]
            }
            entries.append((key, tree.mapping(values)))
        }
        return whole.mapping(entries)
    }
}
