internal import Model
internal import PlaneLink

/// What the control plane believes, for people and for comparing the planes.
extension ControlCore {
    /// The canonical text of what the data plane on `link` should believe: its connectors, and all routes.
    package func dump(of link: LinkID) -> String {
        var dump = DumpText()
        for record in registry.connectors.values where record.link == link { dump.add(record.bound) }
        if links[link]?.speaksRules == false {
            _ = rules.view.forEach { dump.add(ingress: $0, isWildcard: $1, name: $2, route: $3) }
        } else {
            dump.add(rules: rules.view)
        }
        forEachClaim { ingress, host, route in
            let isWildcard = host.hasPrefix(".")
            var name = isWildcard ? String(host.dropFirst()) : host
            name.withUTF8 {
                dump.add(
                    ingress: ingress, isWildcard: isWildcard, name: UnsafeRawBufferPointer($0), route: route)
            }
        }
        return dump.finish()
    }
}
