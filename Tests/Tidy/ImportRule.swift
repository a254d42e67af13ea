/// Which module may import what: the law that dependencies point inward (design §3.6), as a table.
enum ImportRule {
    /// Modules of the operating system and the toolchain.
    static let runtime: Set<String> = ["Glibc", "Synchronization"]

    /// Folder of a module → what its files may import. A folder that is not listed is a violation of its own.
    static let allowed: [String: Set<String>] = [
        // Shared. The lower a module stands, the less it sees; none of them sees a socket but EventLoop.
        "Sources/Shared/Primitives": ["CScan", "Synchronization"],
        "Sources/Shared/Operations": ["Primitives"],
        "Sources/Shared/Model": ["Primitives"],
        "Sources/Shared/Wire": ["Primitives", "Model"],
        "Sources/Shared/PlaneLink": ["Primitives", "Model"],
        "Sources/Shared/Observe": ["Primitives", "Model", "Synchronization"],
        // It moves bytes, not meaning: neither Model nor Wire.
        "Sources/Shared/EventLoop": ["Primitives", "Operations", "CLiburing", "CLinux", "Glibc", "Synchronization"],
        // Cold: reads text into values.
        "Sources/Shared/Settings": ["Model", "Yams", "FoundationEssentials"],
        // The data plane: no Foundation, no NIO, no Dispatch, no concurrency, no C but in its process.
        "Sources/DataPlane/Worker": ["Primitives", "Operations", "Model", "Wire", "PlaneLink", "Observe"],
        "Sources/DataPlane/culvert-data": [
            "Worker", "EventLoop", "PlaneLink", "Observe", "Model", "Operations", "Primitives", "CLinux", "Glibc",
            "Synchronization",
        ],
        // The control plane: a pure core, and its shell of libraries.
        "Sources/ControlPlane/StoreVocabulary": [],
        "Sources/ControlPlane/Redis": [
            "CHiredis", "Glibc", "Logging", "NIOCore", "NIOPosix", "NIOSSL", "Settings", "StoreVocabulary",
        ],
        "Sources/ControlPlane/ControlCore": [
            "Primitives", "Model", "PlaneLink", "Settings", "StoreVocabulary", "Wire",
        ],
        "Sources/ControlPlane/ControlShell": [
            "ControlCore", "CLinux", "Foundation", "Glibc", "Hummingbird", "Logging", "Model", "NIOCore", "NIOPosix",
            "Observe", "PlaneLink", "Primitives", "Redis", "ServiceLifecycle", "Settings", "StoreVocabulary",
            "Synchronization", "UnixSignals",
        ],
        "Sources/ControlPlane/culvert-control": ["ArgumentParser", "ControlShell", "Foundation"],
        // The client and the command: the worker's client role on the event loop, and libraries around it.
        "Sources/Client/FileService": [
            "CLinux", "Glibc", "HTTPTypes", "Hummingbird", "HummingbirdCore", "Logging", "NIOCore", "NIOPosix",
        ],
        "Sources/Client/TunnelRunner": [
            "Worker", "EventLoop", "Settings", "Observe", "Model", "Operations", "Primitives", "CLinux", "Glibc",
            "Synchronization",
        ],
        "Sources/culvert": [
            "ArgumentParser", "CLinux", "EventLoop", "FileService", "Foundation", "Glibc", "Logging", "Model",
            "NIOCore",
            "NIOHTTP1", "NIOPosix", "Observe", "Operations", "Primitives", "ServiceLifecycle", "Settings",
            "Synchronization", "TunnelRunner", "UnixSignals", "Worker",
        ],
    ]

    /// Words that are a use of Swift's concurrency, which is linked by itself and needs no import.
    static let concurrency: Set<String> = ["async", "await", "actor", "Task", "TaskGroup", "MainActor"]
    /// Where an executor that is not ours must not run: everything a simulation drives, and the data plane.
    static let withoutConcurrency = [
        "Sources/Shared/", "Sources/DataPlane/", "Sources/ControlPlane/ControlCore/",
        "Sources/ControlPlane/StoreVocabulary/", "Sources/Client/TunnelRunner/",
    ]

    static func violations(_ sources: [SourceText]) -> [String] {
        sources.flatMap { source in imports(of: source) + concurrency(in: source) }
    }

    private static func imports(of source: SourceText) -> [String] {
        let folder = allowed.keys.filter { source.path.hasPrefix($0 + "/") }.max { $0.count < $1.count }
        guard let folder, let permitted = allowed[folder] else {
            return ["\(source.path): belongs to no module of the import table"]
        }
        return source.numberedCode.compactMap { line, code in
            guard let module = imported(code), !permitted.contains(module) else { return nil }
            return "\(source.path):\(line): \(folder) may not import \(module)"
        }
    }

    /// The module of an import line: `package import Model` → `Model`, `import struct Foundation.URL` → `Foundation`.
    static func imported(_ line: Substring) -> String? {
        let words = line.split(separator: " ")
        guard let position = words.firstIndex(of: "import") else { return nil }
        let before: Set<Substring> = ["public", "package", "internal", "fileprivate", "private", "@testable"]
        guard words[..<position].allSatisfy({ before.contains($0) || $0.hasPrefix("@") }), position + 1 < words.count
        else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let name = kinds.contains(words[position + 1]) ? words[words.count - 1] : words[position + 1]
        return String(name.split(separator: ".")[0])
    }

    private static func concurrency(in source: SourceText) -> [String] {
        guard withoutConcurrency.contains(where: source.path.hasPrefix) else { return [] }
        return source.numberedCode.flatMap { line, code in
            Words.of(code).filter(concurrency.contains).map { "\(source.path):\(line): `\($0)` has no place here" }
        }
    }
}

/// The identifiers and keywords of a line.
enum Words {
    static func of(_ line: Substring) -> [String] {
        line.utf8.split { !isPart($0) }.map { String(Substring($0)) }
    }

    /// Letters, digits, the underscore, and every byte beyond ASCII.
    static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x80...: true
        default: false
        }
    }

    /// The parts of a name in camel case or with separators, in lower case: `HTTPInfoView` → `http`, `info`, `view`.
    static func parts(_ name: String) -> [String] {
        var parts: [String] = []
        var part = ""
        let characters = Array(name)
        for (index, character) in characters.enumerated() {
            if !character.isLetter {
                if !part.isEmpty { parts.append(part) }
                part = ""
                continue
            }
            let begins =
                character.isUppercase
                && (index == 0 || characters[index - 1].isLowercase
                    || (index + 1 < characters.count && characters[index + 1].isLowercase))
            if begins, !part.isEmpty {
                parts.append(part)
                part = ""
            }
            part.append(character)
        }
        if !part.isEmpty { parts.append(part) }
        return parts.map { $0.lowercased() }
    }
}
