# perf script -s fields.py: every sample as one line of JSON, with the values that perf itself decoded.
import json
import os

out = open(os.environ["FIELDS_OUT"], "w")


def emit(name, sample, comm, fields):
    def raw(value):
        return {"hex": bytes(value).hex()}

    line = {"event": name, "comm": comm, "sample": {k: v for k, v in sample.items() if isinstance(v, int)}, "fields": fields}
    out.write(json.dumps(line, default=raw) + "\n")


def trace_unhandled(event_name, context, fields, perf_sample_dict):
    own = {k: v for k, v in fields.items() if not k.startswith("common_")}
    emit(event_name.replace("__", ".", 1), perf_sample_dict["sample"], perf_sample_dict["comm"], own)


def process_event(param):
    emit("perf." + param["ev_name"], param["sample"], param["comm"], None)


def trace_end():
    out.close()
