/// Time and chance are arguments: each is taken from the system in one place (style: one file reads the clock, one
/// takes randomness), so that everything else can be simulated.
enum ClockRule {
    /// What reads a clock, or makes randomness.
    static let sources: [String] = [
        "clock_gettime", "gettimeofday", "culvert_clock", "culvert_wall_clock", "ContinuousClock", "SuspendingClock",
        "SystemRandomNumberGenerator", "getrandom", "culvert_random", "arc4random", "DispatchTime", "Date()",
        "Date.now",
        ".random(in", "Bool.random()", "UUID()", ".shuffled()", ".randomElement()", ".now()",
    ]
    /// Those that exist to be the one place.
    static let places: Set<String> = [
        "Sources/Shared/EventLoop/Clock.swift", "Sources/Shared/EventLoop/WallClock.swift",
        "Sources/Shared/EventLoop/KernelRandom.swift", "Sources/ControlPlane/ControlShell/ControlClock.swift",
        // Performs the operation `randomBytes`, by which a worker asks for randomness.
        "Sources/Shared/EventLoop/OperationCalls.swift",
    ]
    /// The processes' own shells, which ask those places.
    static let shells = [
        "Sources/Shared/EventLoop/", "Sources/DataPlane/culvert-data/", "Sources/ControlPlane/ControlShell/",
        "Sources/Client/", "Sources/culvert/",
    ]
    /// What shells may call.
    static let askedByShells: Set<String> = [".now()"]
    /// Waiting by the clock: nothing here waits for time but through a deadline given to the loop.
    static let sleeps = ["usleep(", "nanosleep(", "sleep("]

    static func violations(_ sources: [SourceText]) -> [String] {
        sources.filter { !places.contains($0.path) }.flatMap { source in
            let isShell = shells.contains(where: source.path.hasPrefix)
            let words = ClockRule.sources.filter { !isShell || !askedByShells.contains($0) }
            return source.numberedCode.flatMap { line, code in
                words.filter { contains(code, $0) }.map { "\(source.path):\(line): \($0) outside its one place" }
                    + (isShell ? [] : sleeps).filter { contains(code, $0) }.map { "\(source.path):\(line): \($0)" }
            }
        }
    }

    /// In tests: a wait by the clock is a race with the machine.
    static func sleepsInTests(_ tests: [SourceText]) -> [String] {
        tests.flatMap { source in
            source.numberedCode.flatMap { line, code in
                sleeps.filter { contains(code, $0) }.map { "\(source.path):\(line): \($0) waits for time" }
            }
        }
    }

    private static func contains(_ code: Substring, _ word: String) -> Bool {
        guard let found = code.firstRange(of: word) else { return false }
        guard let first = word.first, first.isLetter, found.lowerBound > code.startIndex else { return true }
        let before = code[code.index(before: found.lowerBound)]
        return !(before.isLetter || before.isNumber || before == "_")
    }
}
