internal import ControlCore
internal import Glibc
internal import Logging
internal import PlaneLink
internal import Primitives

/// What the core wants done.
extension PlaneLoop {
    /// Tells the core an event, and what follows from it, in order.
    func tell(_ event: ControlEvent) {
        events.append(event)
        // Doing an effect may cause an event: it has to wait until the effects before it are done.
        guard events.count == 1 else { return }
        while let next = events.first {
            for effect in core.handle(next, now: ControlClock.now()) { perform(effect) }
            events.removeFirst()
        }
    }

    private func perform(_ effect: ControlEffect) {
        switch effect {
        case .send(let link, let message): queue(message, for: link)
        case .sendListener(let link, let plane, let listener):
            guard let descriptor = store.descriptor(plane: plane, id: listener.id) else {
                preconditionFailure("the core sends a socket that is not kept")
            }
            queue(.listener(listener), for: link, sharing: descriptor)
        case .sendTable(let link, let generation, let whole): queueTable(for: link, generation, whole: whole)
        case .sendRules(let link, let generation): queueRules(for: link, generation)
        case .openListeners(let link, let orders): open(orders, for: link)
        case .adoptListener(let plane, let id): adopt(plane, id)
        case .moveListener(let plane, let id, let heir, let newID): store.move(plane: plane, id, to: heir, newID)
        case .closeListeners(let plane, let ids): store.close(plane: plane, ids)
        case .close(let link): peers[link]?.isClosing = true
        case .store(let id, let batch): stores.submit(batch, to: id)
        case .log(let note):
            var metadata = Logger.Metadata()
            for field in note.fields { metadata[field.key] = .string(field.value) }
            logger.log(level: Logger.Level(note.severity), "\(note.message)", metadata: metadata)
        }
    }

    private func queue(_ message: ControlToData, for link: LinkID, sharing descriptor: Int32? = nil) {
        guard let peer = peers[link] else { return }
        if !peer.queue(message, sharing: descriptor) { drop(peer, .overflow) }
    }

    private func queueTable(for link: LinkID, _ generation: UInt64, whole: Bool) {
        guard let peer = peers[link] else { return }
        if table?.generation != generation || table?.isWhole != whole {
            precondition(core.generation == generation, "the table moved on before it was written")
            do throws(SystemFault) {
                table = try WrittenTable(core, whole: whole)
            } catch {
                // Without its table a data plane serves what it has; it gets the next one when it reconnects.
                logger.error("the routing table cannot be written", metadata: ["error": .string(error.text)])
                return drop(peer, .socketError(error.number))
            }
        }
        guard let table else { return }
        queue(
            .routesSnapshot(generation: table.generation, count: UInt64(table.count)), for: link,
            sharing: table.file.descriptor)
    }

    private func queueRules(for link: LinkID, _ generation: UInt64) {
        guard let rules = rules.rules else { preconditionFailure("no data plane is served before the rules are read") }
        queue(
            .rulesSnapshot(generation: generation, count: UInt64(rules.table.count)), for: link,
            sharing: rules.file.descriptor)
    }

    private func open(_ orders: [ListenerOrder], for link: LinkID) {
        var opened: [OpenedListener] = []
        var failed: [ListenerFailure] = []
        for order in orders {
            do throws(SystemFault) {
                opened.append(OpenedListener(order: order, address: try store.open(order)))
            } catch {
                failed.append(ListenerFailure(order: order, text: SystemFault.text(error.number)))
            }
        }
        tell(.listenersOpened(link, opened, failed: failed))
    }

    private func adopt(_ plane: String, _ id: ListenerID) {
        guard let descriptor = arrival,
            let kept = core.sockets[plane]?.sockets.first(where: { $0.listener.id == id })
        else { preconditionFailure("the core adopts a socket that did not come") }
        arrival = nil
        store.adopt(descriptor, plane: plane, id: id, point: kept.point, text: kept.listener.address)
    }
}
