/// One of the things that together make up a configuration, in the order in which they are given.
package enum ConfigurationSource: Sendable {
    /// The text of a YAML or JSON file; the name is for messages.
    case file(name: String, text: String)
    case arguments(CommandLineSettings)
}
