// An API of NestJS with a guard, validation and a stream: `holdfast serve --node examples/apps/node/nest.mjs`
import 'reflect-metadata';
import { Readable } from 'node:stream';
import {
  BadRequestException,
  Body,
  Controller,
  Get,
  HttpCode,
  Module,
  Param,
  ParseIntPipe,
  Post,
  StreamableFile,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

/** Decorators are functions; without a compiler they are called as such. */
function decorate(Class, method, parameters, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(Class.prototype, method);
  for (const [index, decorator] of parameters.entries()) decorator(Class.prototype, method, index);
  for (const decorator of decorators) decorator(Class.prototype, method, descriptor);
}

class CatsController {
  #cats = ['Tom', 'Felix'];

  all() {
    return this.#cats;
  }

  add(cat) {
    if (typeof cat?.name !== 'string') throw new BadRequestException('a cat has a name');
    return { id: 'c3', ...cat };
  }

  picture() {
    return new StreamableFile(Readable.from([Buffer.from('meow '), Buffer.from('meow')]));
  }

  secret() {
    return 'for those who are let in';
  }

  // The routes are those of the methods, in their order: this one would take the others' paths.
  one(index) {
    return { name: this.#cats[index] ?? null };
  }
}

class TokenGuard {
  canActivate(context) {
    if (context.switchToHttp().getRequest().headers['x-token'] === 'let-me-in') return true;
    throw new UnauthorizedException();
  }
}

decorate(CatsController, 'all', [], Get());
decorate(CatsController, 'picture', [], Get('picture'));
decorate(CatsController, 'secret', [], UseGuards(TokenGuard), Get('secret'));
decorate(CatsController, 'one', [Param('index', ParseIntPipe)], Get(':index'));
decorate(CatsController, 'add', [Body()], HttpCode(202), Post());
Controller('cats')(CatsController);

class AppModule {}
Module({ controllers: [CatsController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
await app.init();

export default app.getHttpAdapter().getInstance();
