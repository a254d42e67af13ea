internal import Yams

/// Turns the text of a YAML (or JSON) file into settings with their lines.
enum YAMLDocument {
    /// Longest file that is read.
    static let bytesMax = 256 << 20
    /// Most nodes a file may have once its aliases are expanded.
    static let nodesMax = 16_000_000
    static let depthMax = 32

    /// The tree, or nil with the problem noted.
    static func settings(text: String, fileName: String, findings: inout Findings) -> SettingNode? {
        let whole = SettingPlace(source: fileName)
        guard text.utf8.count <= bytesMax else {
            findings.problem(whole, "", "the file is longer than \(bytesMax >> 20) MiB; it cannot be a configuration")
            return nil
        }
        do {
            guard let root = try Yams.compose(yaml: text) else { return SettingNode(.mapping([]), at: whole) }
            var conversion = Conversion(fileName: fileName)
            let node = try conversion.node(root, depth: 0)
            switch node.content {
            case .mapping: return node
            case .nothing: return SettingNode(.mapping([]), at: whole)
            case .scalar, .list:
                findings.problem(
                    node.place, "", "a configuration is a mapping; it begins with a key such as `services:`")
                return nil
            }
        } catch let refusal as Refusal {
            findings.problem(refusal.place, "", refusal.message)
        } catch {
            note(error, fileName: fileName, findings: &findings)
        }
        return nil
    }

    private static func note(_ error: any Error, fileName: String, findings: inout Findings) {
        guard let error = error as? YamlError else {
            findings.problem(SettingPlace(source: fileName), "", "not YAML: \(error)")
            return
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let place = SettingPlace(source: fileName, line: mark.line, column: mark.column)
            findings.problem(place, "", "not YAML: \(problem); check the indentation and the quotes here and above")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let place = SettingPlace(source: fileName, line: context.mark.line, column: context.mark.column)
            findings.problem(place, duplicates.first ?? "", "the key stands twice in one mapping; remove one")
        default:
            findings.problem(SettingPlace(source: fileName), "", "not YAML: \(error)")
        }
    }

    private struct Refusal: Error {
        var place: SettingPlace
        var message: String
    }

    private struct Conversion {
        let fileName: String
        var nodes = 0

        mutating func node(_ yaml: Node, depth: Int) throws(Refusal) -> SettingNode {
            let place = SettingPlace(source: fileName, line: yaml.mark?.line, column: yaml.mark?.column)
            nodes += 1
            guard nodes <= YAMLDocument.nodesMax else { throw Refusal(place: place, message: "too many values") }
            guard depth <= YAMLDocument.depthMax else { throw Refusal(place: place, message: "nested too deeply") }
            switch yaml {
            case .scalar(let scalar):
                let isPlain = scalar.style == .plain || scalar.style == .any
                if isPlain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
                    return SettingNode(.nothing, at: place)
                }
                return SettingNode(.scalar(scalar.string), at: place)
            case .sequence(let sequence):
                var elements: [SettingNode] = []
                for element in sequence { elements.append(try node(element, depth: depth + 1)) }
                return SettingNode(.list(elements), at: place)
            case .mapping(let mapping):
                return SettingNode(.mapping(try entries(mapping, depth: depth)), at: place)
            case .alias:
                throw Refusal(place: place, message: "the alias names no anchor")
            }
        }

        private mutating func entries(_ mapping: Node.Mapping, depth: Int) throws(Refusal) -> [SettingEntry] {
            var entries: [SettingEntry] = []
            for (key, value) in mapping {
                let place = SettingPlace(source: fileName, line: key.mark?.line, column: key.mark?.column)
                guard case .scalar(let name) = key else { throw Refusal(place: place, message: "a key must be a text") }
                let value = try node(value, depth: depth + 1)
                entries.append(SettingEntry(key: name.string, place: place, value: value))
            }
            return entries
        }
    }
}
