package import Model
package import PlaneLink
package import Settings

/// Who may use which service, as configured: every set of authers that services name becomes one table of credentials.
package struct AccessPlan: Sendable {
    /// The authers of each table; a table's place is its number on the plane link.
    package let tables: [[Int]]
    package let services: [PlaneAccess]

    /// What the services of a configuration ask for.
    package init(_ configuration: ServerConfiguration) {
        var tables: [[Int]] = []
        services = configuration.services.enumerated().map { index, service in
            var number: UInt16?
            if let authers = service.authers {
                let set = authers.sorted()
                let place = tables.firstIndex(of: set) ?? tables.count
                if place == tables.count { tables.append(set) }
                number = UInt16(place)
            }
            return PlaneAccess(
                service: ServiceIndex(UInt16(index)), credentials: number, entrypointID: service.entrypointID,
                relaysAtEntrypoints: service.relaysAtEntrypoints)
        }
        self.tables = tables
    }

    /// Whether the port of a service may be served by a data plane that cannot ask for credentials.
    package func isOpen(_ service: ServiceIndex) -> Bool {
        services[Int(service.rawValue)].credentials == nil
    }
}
