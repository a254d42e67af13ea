package import Primitives
package import Simulator

/// Somebody outside whose part is a script: looks at what came, writes, waits.
package protocol Scripted: AnyObject {
    /// Does what is due at `now`.
    func act(_ now: Tick)
    /// When it wants to act though nothing came.
    var nextAct: Tick { get }
    /// Ends its connections; it does nothing any more.
    func leave()
}

extension Scripted {
    package func leave() {}
}

/// Real workers, scripted peers and one simulated kernel, in one thread and virtual time. The same seed gives the same
/// history.
package final class World {
    /// Turns at one instant beyond which a worker is believed to spin.
    private static let turnsPerInstantMax = 10_000

    package let kernel: SimulatedKernel
    package private(set) var benches: [WorkerBench] = []
    private var actors: [any Scripted] = []

    package init(seed: UInt64, faults: Faults = .none) {
        kernel = SimulatedKernel(seed: seed, faults: faults)
    }

    package var now: Tick { kernel.now }

    /// Everybody outside who is connected goes.
    package func closeEverything() { for actor in actors { actor.leave() } }

    package func add(_ bench: WorkerBench) { benches.append(bench) }
    package func add(_ actor: any Scripted) { actors.append(actor) }

    /// Runs everything that happens in the next `milliseconds` of virtual time.
    package func run(milliseconds: UInt64) { run(until: now.advanced(milliseconds: milliseconds)) { false } }

    /// Runs until `isDone`, at most `milliseconds` of virtual time; whether it came to that.
    @discardableResult
    package func run(milliseconds: UInt64, until isDone: () -> Bool) -> Bool {
        run(until: now.advanced(milliseconds: milliseconds), isDone)
        return isDone()
    }

    private func run(until end: Tick, _ isDone: () -> Bool) {
        var instant = now
        var turnsHere = 0
        while true {
            turnsHere = instant == now ? turnsHere + 1 : 0
            instant = now
            precondition(
                turnsHere < World.turnsPerInstantMax, "a worker asks for turn after turn and time stands still")
            for actor in actors { actor.act(now) }
            for bench in benches where bench.isDue(now) { bench.turn(now) }
            if isDone() { return }
            if benches.contains(where: { $0.isDue(now) }) { continue }
            var next = kernel.nextEvent ?? .never
            for bench in benches where !bench.port.isDetached && !bench.isFrozen { next = min(next, bench.deadline) }
            for actor in actors { next = min(next, max(actor.nextAct, Tick(nanoseconds: now.nanoseconds + 1))) }
            guard next <= end else { return kernel.advance(to: end) }
            kernel.advance(to: next)
        }
    }
}
