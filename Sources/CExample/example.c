#include "example.h"

static const unsigned char run[] = {
#embed "files/prefopt.yaml"
};
static const unsigned char train[] = {
#embed "files/train.jsonl.gz"
};
static const unsigned char test[] = {
#embed "files/test.jsonl.gz"
};
static const unsigned char prompts[] = {
#embed "files/prompts.jsonl"
};
static const unsigned char config[] = {
#embed "files/model/config.json"
};
static const unsigned char weights[] = {
#embed "files/model/model.safetensors"
};
static const unsigned char tokenizer[] = {
#embed "files/model/tokenizer.json"
};
static const unsigned char tokenizer_config[] = {
#embed "files/model/tokenizer_config.json"
};

static const prefopt_example files[prefopt_example_count] = {
    {"prefopt.yaml", run, sizeof run},
    {"train.jsonl.gz", train, sizeof train},
    {"test.jsonl.gz", test, sizeof test},
    {"prompts.jsonl", prompts, sizeof prompts},
    {"model/config.json", config, sizeof config},
    {"model/model.safetensors", weights, sizeof weights},
    {"model/tokenizer.json", tokenizer, sizeof tokenizer},
    {"model/tokenizer_config.json", tokenizer_config, sizeof tokenizer_config},
};

prefopt_example prefopt_example_file(int number) { return files[number]; }
