/// The one place where what a person wrote, in YAML or as `-L` and `-F` URLs, becomes the value that programs run by.
///
/// Strict: unknown keys, references to nothing, and keys whose effect is missing stop the start, all of them named with
/// their line. Pure: files are read and names are resolved elsewhere.
package enum ConfigurationReader {
    /// Reads one file's text. `fileName` is only for messages.
    package static func read(text: String, fileName: String) throws(ConfigurationFault) -> NodeSettings {
        var findings = Findings()
        guard let tree = YAMLDocument.settings(text: text, fileName: fileName, findings: &findings) else {
            throw ConfigurationFault(problems: findings.problems)
        }
        return try read(tree, findings: findings)
    }

    /// The server part of a file, for a program that serves nothing else; a file without one is a fault.
    package static func server(text: String, fileName: String) throws(ConfigurationFault) -> ServerConfiguration {
        guard let server = try read(text: text, fileName: fileName).server else {
            throw fault(fileName, "there is no service whose handler is of type `tunnel`; add one under `services:`")
        }
        return server
    }

    private static func fault(_ source: String, _ message: String) -> ConfigurationFault {
        ConfigurationFault(
            problems: [ConfigurationProblem(place: SettingPlace(source: source), key: "", message: message)])
    }

    /// Gives a tree its meaning.
    static func read(_ tree: SettingNode, findings: Findings) throws(ConfigurationFault) -> NodeSettings {
        var findings = findings
        let top = SettingSection(tree, path: "", keys: NodeKeys.top, place: tree.place, findings: &findings)
        var node = NodeReading()
        node.read(top, findings: &findings)
        var ingresses = IngressReading()
        ingresses.read(top.elements("ingresses"), findings: &findings)

        var tunnelServices: [TunnelService] = []
        var names: Set<String> = []
        for (number, setting) in top.elements("services").enumerated() {
            let service = ServiceSections(setting, number: number, findings: &findings)
            if !names.insert(service.name).inserted {
                setting.problem("a second service is named `\(service.name)`; rename one", findings: &findings)
            }
            switch service.handlerType {
            case "tunnel":
                let reading = TunnelServiceReading(service: service)
                if let result = reading.read(node: &node, ingresses: &ingresses, findings: &findings) {
                    tunnelServices.append(result)
                }
            default:
                setting.problem(
                    "a handler of type `\(service.handlerType)` is not available; there is `tunnel`",
                    findings: &findings)
            }
        }
        try findings.judge()

        var settings = NodeSettings()
        settings.notices = findings.notices
        if !tunnelServices.isEmpty {
            settings.server = server(tunnelServices, ingresses: ingresses, node: node)
        }
        return settings
    }

    private static func server(
        _ services: [TunnelService], ingresses: IngressReading, node: NodeReading
    ) -> ServerConfiguration {
        var server = ServerConfiguration()
        server.nodeName = node.name
        server.services = services
        server.ingresses = ingresses.tables
        server.limits = node.limits
        server.logLevel = node.logLevel
        server.metricsAddress = node.metricsAddress
        server.apiAddress = node.apiAddress
        server.workers = node.workers
        server.shell = node.shell
        return server
    }
}

/// What one configuration asks of a node: to serve tunnels, to expose services, or both.
package struct NodeSettings: Equatable, Sendable {
    /// Nil where no service is a tunnel server.
    package var server: ServerConfiguration?
    /// Nil where nothing is exposed and nothing served from files.
    package var client: ClientConfiguration?
    package var logLevel = LogLevel.info
    /// Keys that were accepted and have no effect.
    package var notices: [ConfigurationProblem] = []

    package init() {}
}
