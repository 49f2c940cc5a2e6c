// For servers that listen on all interfaces and on a port that they are told:
// has them listen on a free one of loopback, and say which.
const net = require('node:net');
const { listen } = net.Server.prototype;

net.Server.prototype.listen = function (_port, ...rest) {
    this.once('listening', () => console.log(`listening ${this.address().port}`));
    return listen.call(this, 0, '127.0.0.1', ...rest.filter((each) => typeof each === 'function'));
};
