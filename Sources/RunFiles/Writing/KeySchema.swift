import Storage

/// The run file as a JSON Schema, for editors: names, values and meanings while one types.
package enum KeySchema {
    /// Draft 2020-12. What depends on other keys isn't in it.
    package static var json: JSON {
        var properties: JSONObject = [
            "extends": [
                "type": "string", "description": "Another run file, whose keys come first.",
            ]
        ]
        for key in KeyTable.keys { properties[key.name] = property(key) }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "swift-prefopt run file", "type": "object",
            "properties": .object(properties), "additionalProperties": false,
        ]
    }

    private static func property(_ key: any AnyKey) -> JSON {
        var schema: JSONObject = ["anyOf": [key.schema, ["type": "null"]]]
        var description = key.meaning
        if let readers = key.readers.words { description += " Read by \(readers)." }
        let standard = key.standard
        if let value = standard.value, !value.isNull {
            schema["default"] = value.json
        } else {
            description += " Default: \(standard.words)."
        }
        schema["description"] = .string(description)
        return .object(schema)
    }
}
