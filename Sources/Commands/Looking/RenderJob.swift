import ChatTemplates
import Storage
import Tokenization
import Training

/// `render`: conversations to text by a model's chat template, line by line.
package struct RenderJob {
    private let template: ChatTemplate

    /// - Throws: `ChatTemplateError`.
    package init(model: String) throws { template = try ChatTemplate(directory: model) }

    /// - Parameters:
    ///   - line: `{"messages": […], "add_generation_prompt": …, "continue_final_message": …}` and variables of the template.
    ///   - number: for messages, counted from 1.
    /// - Returns: `{"text": …}`, or `{"error": …}` when the template doesn't take the conversation.
    /// - Throws: `TrainingError.input` naming a line that isn't such an object.
    package func run(line: [UInt8], number: Int) throws -> String {
        let place = "standard input:\(number)"
        let row: JSON
        do { row = try JSON.parse(line) } catch { throw TrainingError.input("\(place): \(error)") }
        guard var variables = row.object, let messages = variables["messages"] else {
            throw TrainingError.input("\(place): expected {\"messages\": […]}, found \(row.text.prefix(60))")
        }
        variables["messages"] = nil
        guard variables["chat_template"] == nil else {
            throw TrainingError.input("\(place): \"chat_template\" can't be given here; it comes with --model")
        }
        var flags: [String: JSON] = [:]
        for name in ["add_generation_prompt", "continue_final_message"] {
            flags[name] = variables[name]
            variables[name] = nil
        }
        let adds = flags["add_generation_prompt"] ?? false
        guard let addGenerationPrompt = adds.bool else {
            throw TrainingError.input("\(place): \"add_generation_prompt\" must be true or false, not \(adds.kind)")
        }
        let continued: String?
        switch flags["continue_final_message"] {
        case nil, .null?, .bool(false)?: continued = nil
        case .bool(true)?: continued = "content"
        case .string(let field)?: continued = field
        case let other?:
            throw TrainingError.input(
                "\(place): \"continue_final_message\" must be true, false or the name of a member, not \(other.kind)")
        }
        do {
            let text = try template.render(
                messages: messages, addGenerationPrompt: addGenerationPrompt, continuing: continued,
                variables: variables)
            return JSON.object(["text": .string(text)]).text
        } catch {
            return JSON.object(["error": .string(error.description)]).text
        }
    }
}
