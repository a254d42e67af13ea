internal import ControlCore
internal import Model

/// The control plane's status as Prometheus text (exposition format 0.0.4).
package enum MetricsText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The page for one moment.
    package static func render(_ status: ControlStatus) -> String {
        var page = Page()
        renderDataPlanes(status.dataPlanes, &page)
        page.gauge("culvert_ready", "1 when every address is held by a data plane that answers", status.isReady ? 1 : 0)
        page.gauge("culvert_data_planes", "connected data planes", UInt64(status.dataPlanes.count))
        page.gauge("culvert_routes", "hosts in the routing table", UInt64(status.routes))
        page.gauge("culvert_rules", "fixed rules among them", UInt64(status.rules))
        page.gauge(
            "culvert_rules_generation", "generation with which the fixed rules were sent", status.rulesGeneration)
        page.gauge(
            "culvert_rules_everywhere", "1 when every worker uses the fixed rules in force",
            status.rulesAreEverywhere ? 1 : 0)
        page.gauge("culvert_tunnels", "tunnels known, offline ones within their grace included", UInt64(status.tunnels))
        page.gauge("culvert_connectors", "connectors of all data planes", UInt64(status.connectors))
        page.gauge("culvert_route_generation", "generation of the routing table", status.generation)
        page.gauge("culvert_kept_sockets", "listening sockets kept for the data planes", UInt64(status.keptSockets))
        let tally = status.tally
        page.counter("culvert_control_binds_granted_total", "binds granted", tally.bindsGranted)
        page.counters(
            "culvert_control_binds_refused_total", "binds refused", label: "reason",
            tally.bindsRefused.map { ($0.key.label, $0.value) })
        page.counters(
            "culvert_control_hosts_refused_total", "hosts that clients asked for and did not get", label: "why",
            tally.claimsRefused.map { ($0.key.rawValue, $0.value) })
        page.counter(
            "culvert_control_hosts_lost_total", "hosts promised without the control plane that another tunnel holds",
            tally.claimsLost)
        page.counter(
            "culvert_control_connectors_learned_total", "connectors learned from inventories", tally.connectorsLearned)
        page.counter("culvert_control_data_planes_lost_total", "data plane links that ended", tally.dataPlanesLost)
        page.counter("culvert_control_link_faults_total", "data planes that broke the plane link", tally.linkFaults)
        if let cluster = status.cluster { page.render(cluster, stores: status.stores) }
        return page.text
    }

    /// Counters of the workers that go both ways.
    private static let levels: Set<String> = ["buffers_held"]

    private static func renderDataPlanes(_ planes: [ControlStatus.DataPlane], _ page: inout Page) {
        var names: [String] = []
        for plane in planes {
            for counter in plane.counters where !names.contains(counter.name) { names.append(counter.name) }
        }
        for name in names where !levels.contains(name) {
            page.head("culvert_\(name)_total", "counted by the workers, summed", "counter")
            for plane in planes {
                guard let counter = plane.counters.first(where: { $0.name == name }) else { continue }
                page.line("culvert_\(name)_total", [("data_plane", plane.name)], counter.value)
            }
        }
        page.head("culvert_ends_total", "what ended or was refused, by reason", "counter")
        for plane in planes {
            for reason in plane.reasons {
                page.line("culvert_ends_total", [("data_plane", plane.name), ("reason", reason.name)], reason.value)
            }
        }
        for name in names where levels.contains(name) {
            page.head("culvert_\(name)", "now, summed over the workers", "gauge")
            for plane in planes {
                guard let level = plane.counters.first(where: { $0.name == name }) else { continue }
                page.line("culvert_\(name)", [("data_plane", plane.name)], level.value)
            }
        }
        // What exists now is the difference of two counters.
        for (name, up, down) in [
            ("visitors", "visitors_accepted", "visitors_closed"), ("links", "links_accepted", "links_closed"),
            ("connectors_open", "connectors_opened", "connectors_closed"),
            ("streams", "streams_opened", "streams_closed"),
            ("peer_links", "peer_links_opened", "peer_links_closed"),
        ] {
            page.head("culvert_\(name)", "open now", "gauge")
            for plane in planes {
                let counters = Dictionary(plane.counters.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
                guard let opened = counters[up], let closed = counters[down] else { continue }
                page.line("culvert_\(name)", [("data_plane", plane.name)], opened > closed ? opened - closed : 0)
            }
        }
        page.head("culvert_data_plane_up", "0 while a data plane does not answer", "gauge")
        for plane in planes {
            page.line("culvert_data_plane_up", [("data_plane", plane.name)], plane.isFrozen ? 0 : 1)
        }
    }

    /// Lines of the exposition format.
    struct Page {
        var text = ""

        mutating func head(_ name: String, _ help: String, _ kind: String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
        }

        mutating func line(_ name: String, _ labels: [(String, String)], _ value: UInt64) {
            let pairs = labels.map { "\($0)=\"\(Page.escape($1))\"" }.joined(separator: ",")
            text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(pairs)} \(value)\n"
        }

        mutating func gauge(_ name: String, _ help: String, _ value: UInt64) {
            head(name, help, "gauge")
            line(name, [], value)
        }

        mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
            head(name, help, "counter")
            line(name, [], value)
        }

        mutating func counters(_ name: String, _ help: String, label: String, _ values: [(String, UInt64)]) {
            head(name, help, "counter")
            for (value, count) in values.sorted(by: { $0.0 < $1.0 }) { line(name, [(label, value)], count) }
        }

        /// A data plane chooses its name.
        private static func escape(_ value: String) -> String {
            var escaped = ""
            for character in value {
                switch character {
                case "\\": escaped += "\\\\"
                case "\"": escaped += "\\\""
                case "\n": escaped += "\\n"
                default: escaped.append(character)
                }
            }
            return escaped
        }
    }
}
