// How many faults Grafana's grammar of LogQL finds in each of some queries.
import { parser } from '@grafana/lezer-logql';

const faults = (query) => {
    let found = 0;
    parser.parse(query).iterate({
        enter: (node) => {
            found += node.type.isError ? 1 : 0;
        },
    });
    return found;
};
console.log(JSON.stringify(JSON.parse(process.argv[2]).map(faults)));
