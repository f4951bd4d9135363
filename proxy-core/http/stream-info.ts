export { createStreamInfo } from '../base/create-stream-info.ts';
