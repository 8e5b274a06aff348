/// Keys that name the models and the folder for the results.
package struct ModelKeys: KeySection {
    package static let title = "model"

    package let path: Key<String> = Key(
        "model_name_or_path", .text,
        "Folder of the policy in Hugging Face's layout: config.json, safetensors, tokenizer files; or an adapter's folder.",
        default: .required("name the folder of the model, in Hugging Face's layout", placeholder: ""),
        synonyms: [
            .renamed("base_model", .axolotl), .renamed("pretrain", .openRLHF), .renamed("model", nil),
            .renamed("model_name", nil),
        ])

    package let referencePath: Key<String?> = Key(
        "ref_model_name_or_path", optional: .text,
        "Folder of the reference, or an adapter's.",
        default: .none("the initial policy, its adapter included", "what the papers do, and TRL without ref_model"),
        readBy: .losses { $0.needsReference },
        synonyms: [
            .renamed("ref_model", .llamaFactory, .axolotl), .renamed("ref_pretrain", .openRLHF),
            .renamed("ref_model_path", nil),
        ])

    package let tokenizerPath: Key<String?> = Key(
        "tokenizer_name_or_path", optional: .text,
        "Folder of another tokenizer, with its chat template.",
        default: .none("the model's folder"),
        synonyms: [.renamed("tokenizer", nil), .renamed("tokenizer_config", .axolotl), .renamed("tokenizer_name", nil)])

    package let outputDirectory: Key<String?> = Key(
        "output_dir", optional: .text,
        "Folder for checkpoints, metrics.jsonl, run.yaml, manifest.json and final/.",
        default: .none("none; training needs it, looking at the data doesn't"),
        synonyms: [.renamed("save_path", .openRLHF)])
}
