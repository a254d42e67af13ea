/// Seeds of the simulation's runs.
enum Seeds {
    /// Those that once found something; they stay.
    static let regressions: [UInt64] = []
    /// A run's other seeds.
    static let usual: [UInt64] = Array(1...40)
}
