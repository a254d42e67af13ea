/// Which store: one Redis database of the configuration, as an ingress or service discovery uses it.
package struct StoreID: Hashable, Sendable {
    /// Index into the configuration's stores.
    package var rawValue: Int

    package init(_ rawValue: Int) { self.rawValue = rawValue }
}

extension StoreID: CustomStringConvertible {
    package var description: String { "store-\(rawValue)" }
}
